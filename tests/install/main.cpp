#include <costeff/engine.h>

#include <cstdio>
#include <vector>

int main(int, char** argv) {
  const costeff::Engine engine(argv[1]);
  costeff::Example row;
  row.text_a = "a charming and often affecting journey .";
  const auto results = engine.score(std::vector{row});
  std::printf("%s\n", engine.info().labels.at(static_cast<size_t>(results[0].label)).c_str());
}
