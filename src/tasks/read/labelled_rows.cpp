#include "tasks/read/labelled_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/fail.h"
#include "base/utf8.h"
#include "tasks/read/no_labels.h"
#include "tasks/read/reader.h"

namespace costeff::tasks {
namespace {

bool has_text(std::string_view text) {
  return text.find_first_not_of(" \t\n\v\f\r") != std::string_view::npos;
}

// Tells texts, pairs and ids apart; equal for equal rows.
std::string text_key(const Example& row) {
  std::string key;
  if (row.has_ids) {
    key.assign(1, '#');
    for (const int32_t id : row.input_ids) {
      key.append(reinterpret_cast<const char*>(&id), sizeof id);
    }
    return key;
  }
  key.assign(1, row.text_b ? '2' : '1');
  key.append(row.text_a);
  if (row.text_b) key.append(1, '\0').append(*row.text_b);
  return key;
}

}  // namespace

void read_labelled_rows(const DataSet& set, const InputOptions& options, int64_t limit,
                        const BadRowSink& bad, const std::atomic<bool>* stop, LabelledRows* to) {
  const std::string& source = to->sources.emplace_back(input_name({set.path, std::nullopt}));
  RowReader reader({{set.path, std::nullopt}}, options, stop);
  Example row;
  while (limit == 0 || reader.rows() < limit) {
    try {
      if (reader.next(row, true) != ReadStatus::row) return;
    } catch (const NoLabels& e) {
      // One row without a label among others that have one is just wrong.
      if (to->rows.empty()) throw;
      throw Error(e.kind(), e.what());
    }
    row.source = source;
    if (!row.error.empty()) {
      bad(row, row.error);
      continue;
    }
    to->rows.push_back(row);
  }
  reader.check_unchanged();
}

std::vector<TrainRow> to_train_rows(const LabelMap& map, std::vector<Example> rows,
                                    const BadRowSink& bad) {
  std::vector<TrainRow> out;
  out.reserve(rows.size());
  std::unordered_map<std::string, GoldLabel> known;
  for (Example& row : rows) {
    auto at = known.find(row.gold);
    if (at == known.end()) {
      try {
        const GoldLabel gold = parse_gold(map, row);
        if (std::abs(gold.score) > std::numeric_limits<float>::max()) {
          fail_input("{}:{}: the score is {}, which is too large", row.source, row.line,
                     printable(row.gold, 40));
        }
        at = known.emplace(row.gold, gold).first;
      } catch (const Error& e) {
        if (!bad || e.kind() != ErrorKind::input) throw;
        bad(row, e.what());
        continue;
      }
    }
    const GoldLabel& gold = at->second;
    // A million rows: what is not needed any more goes.
    row.raw = {};
    row.id = {};
    out.push_back({std::move(row), static_cast<int32_t>(std::max<int64_t>(gold.label, 0)),
                   static_cast<float>(gold.score), gold.labels});
  }
  return out;
}

int64_t count_without_text(std::span<const TrainRow> rows) {
  return std::count_if(rows.begin(), rows.end(), [](const TrainRow& r) {
    const Example& e = r.example;
    return !e.has_ids && !has_text(e.text_a) && (!e.text_b || !has_text(*e.text_b));
  });
}

int64_t count_texts(std::span<const TrainRow> rows) {
  std::unordered_set<std::string> keys;
  for (const TrainRow& row : rows) keys.insert(text_key(row.example));
  return static_cast<int64_t>(keys.size());
}

int64_t count_shared(std::span<const TrainRow> train, std::span<const TrainRow> dev) {
  std::unordered_set<std::string> keys;
  for (const TrainRow& row : dev) keys.insert(text_key(row.example));
  std::unordered_set<std::string> shared;
  for (const TrainRow& row : train) {
    std::string key = text_key(row.example);
    if (keys.contains(key)) shared.insert(std::move(key));
  }
  return std::count_if(dev.begin(), dev.end(),
                       [&](const TrainRow& row) { return shared.contains(text_key(row.example)); });
}

}  // namespace costeff::tasks
