#include "checkpoint/containers/pickle.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/error_of.h"
#include "checkpoint/container_bytes.h"

namespace costeff::checkpoint {
namespace {

using test::le;
using test::pk_global;
using test::pk_string;
using namespace std::string_literals;

constexpr std::array<std::string_view, 2> kGlobals{kOrderedDict, "m.f"};

Pickle read(const std::string& bytes) {
  return read_pickle(test::as_bytes(bytes), kGlobals, "p: ");
}
std::string pickle_error(const std::string& bytes) {
  return error_of(ErrorKind::model, [&] { read(bytes); });
}
int64_t integer(const std::string& opcodes) {
  const std::string bytes = opcodes + ".";
  const Pickle p = read(bytes);
  EXPECT_EQ(p.top.kind, PickleKind::integer);
  return p.top.at;
}

TEST(Pickle, Integers) {
  EXPECT_EQ(integer("K\xff"), 255);
  EXPECT_EQ(integer("M\x01\x02"), 513);
  EXPECT_EQ(integer("J" + le(0xffffffff, 4)), -1);
  EXPECT_EQ(integer("\x8a\x00"s), 0);
  EXPECT_EQ(integer("\x8a\x01\xff"), -1);
  EXPECT_EQ(integer("\x8a\x02\xff\x00"s), 255);
  EXPECT_EQ(integer("\x8a\x08" + le(uint64_t{1} << 63, 8)), INT64_MIN);
  EXPECT_EQ(integer("\x8b" + le(2, 4) + "\x00\x80"s), -32768);
  const std::string magic = "\x8a\x09" + le(5, 9) + ".";
  EXPECT_EQ(read(magic).top.kind, PickleKind::long_integer);
  EXPECT_EQ(read(magic).top.count, 9u);
}

TEST(Pickle, StringsAndContainers) {
  // {"a": [1, (True, None)], "b": ()} and the same list again from the memo.
  const std::string bytes = "\x80\x02}("s + pk_string("a") + "](K\x01\x88N\x86" +
                            "eq\x07\x8c\x01"s + "b)u\x8c\x01"s + "ch\x07s.ignored";
  const Pickle p = read(bytes);
  EXPECT_EQ(p.bytes.size(), bytes.size() - 7);
  ASSERT_EQ(p.top.kind, PickleKind::dict);
  const PickleItems& items = p.dicts[static_cast<size_t>(p.top.at)];
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(p.text(items[0].first), "a");
  EXPECT_EQ(p.text(items[1].first), "b");
  EXPECT_EQ(items[1].second.count, 0u);
  EXPECT_EQ(items[2].second.at, items[0].second.at);
  const std::vector<PickleValue>& list = p.lists[static_cast<size_t>(items[0].second.at)];
  ASSERT_EQ(list.size(), 2u);
  const auto pair = p.tuple(list[1]);
  ASSERT_EQ(pair.size(), 2u);
  EXPECT_EQ(p.describe(pair[0]), "True");
  EXPECT_EQ(p.describe(pair[1]), "None");
}

TEST(Pickle, Protocol4) {
  const std::string bytes =
      "\x80\x04\x95" + le(20, 8) + "\x8c\x01m\x94\x8c\x01"s + "f\x93\x94(K\x07tR\x94.....";
  const Pickle p = read(bytes);
  ASSERT_EQ(p.top.kind, PickleKind::call);
  const PickleCall& call = p.calls[static_cast<size_t>(p.top.at)];
  EXPECT_EQ(p.globals[call.global], "m.f");
  EXPECT_EQ(p.tuple(call.arguments)[0].at, 7);
}

TEST(Pickle, OrderedDictsOfBothPythons) {
  const std::string od = pk_global("collections", "OrderedDict");
  const std::string three = od + ")R" + pk_string("a") + "K\x01s" + "}b.";
  EXPECT_EQ(read(three).dicts[0].size(), 1u);
  const std::string two = od + "((lp" + "."s;
  EXPECT_NE(pickle_error(two), "");  // opcode 'p' belongs to protocol 0
  const std::string pairs = od + "](" + "](U\x01" + "aK\x01" + "e](U\x01" + "bK\x02" + "ee\x85R.";
  const Pickle p = read(pairs);
  ASSERT_EQ(p.top.kind, PickleKind::dict);
  const PickleItems& items = p.dicts[static_cast<size_t>(p.top.at)];
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(p.text(items[1].first), "b");
  EXPECT_EQ(items[1].second.at, 2);
  EXPECT_NE(pickle_error(od + "K\x01\x85R.").find("unexpected arguments"), std::string::npos);
  EXPECT_NE(pickle_error(od + "](K\x01"s + "e\x85R.").find("not pairs"), std::string::npos);
}

TEST(Pickle, RefusesUnknownGlobalsByName) {
  const std::string refused =
      "which a state dict does not need: refused, nothing was run; save the state dict alone "
      "(model.state_dict())";
  EXPECT_EQ(pickle_error("\x80\x02" + pk_global("os", "system") + "."),
            "p: byte 2 of the pickle: it names os.system, " + refused);
  EXPECT_NE(pickle_error(pk_string("os") + pk_string("system") + "\x93.").find("os.system"),
            std::string::npos);
  EXPECT_NE(pickle_error("(ios\nsystem\n.").find("os.system"), std::string::npos);
  EXPECT_NE(pickle_error(std::string("(") + pk_global("os", "system") + "o.").find("os.system"),
            std::string::npos);
  // Names that the list's entries begin or end with.
  for (const char* name : {"m.ff", "m.", "m..f", ".m.f", "m.f.g"}) {
    EXPECT_NE(pickle_error(pk_global("m", std::string(name).substr(2)) + pk_global("", name) + "."),
              "");
  }
  EXPECT_EQ(pickle_error(pk_global("m", "f") + "."), "");
  EXPECT_NE(pickle_error("cm\nf").find("no end"), std::string::npos);
  EXPECT_NE(pickle_error("c\x1b[2J\nf\n.").find("\\x1b[2J.f"), std::string::npos);
}

TEST(Pickle, CallsNothingElse) {
  EXPECT_NE(pickle_error("K\x01)R.").find("a call of the number 1"), std::string::npos);
  EXPECT_NE(pickle_error(pk_global("m", "f") + "NR."), "");
  for (const char* op : {"\x81", "\x92", "o", "\x82\x01", "P1\n"}) {
    EXPECT_NE(
        pickle_error(std::string("(") + pk_global("m", "f") + ")" + op + ".").find("opcode 0x"),
        std::string::npos);
  }
  EXPECT_NE(pickle_error("(im\nf\n.").find("INST"), std::string::npos);
  EXPECT_NE(pickle_error("]Nb.").find("BUILD on a list"), std::string::npos);
}

TEST(Pickle, UnderflowsAreErrors) {
  for (const std::string& bytes : std::initializer_list<std::string>{".",
                                                                     "a.",
                                                                     "K\x01"
                                                                     "a.",
                                                                     "e.",
                                                                     "(e.",
                                                                     "K\x01(e.",
                                                                     "s.",
                                                                     "NNs.",
                                                                     "(u.",
                                                                     "u.",
                                                                     "t.",
                                                                     "\x85.",
                                                                     "R.",
                                                                     "NR.",
                                                                     "b.",
                                                                     "Nb.",
                                                                     "Q.",
                                                                     "q\x01.",
                                                                     "0.",
                                                                     "1.",
                                                                     "2.",
                                                                     "(2.",
                                                                     "(q\x01.",
                                                                     "(.",
                                                                     "d.",
                                                                     "(Nd.",
                                                                     "\x93.",
                                                                     "l.",
                                                                     "N(\x85.",
                                                                     "}(Nu.",
                                                                     ")(NNu.",
                                                                     "\x94."}) {
    EXPECT_EQ(pickle_error(bytes).find("p: byte "), 0u) << bytes;
  }
  EXPECT_NE(pickle_error("h\x05."), "");
  EXPECT_NE(pickle_error("j" + le(0xffffffff, 4) + ".").find("memo slot 4294967295 is empty"),
            std::string::npos);
}

TEST(Pickle, LengthsStayInside) {
  for (const std::string& bytes : std::initializer_list<std::string>{
           "X" + le(0xfffffff0, 4) + "x.", "\x8d" + le((uint64_t{1} << 63) + 8, 8) + "x.",
           "\x8d" + le(~uint64_t{0}, 8) + "x.", "T" + le(0xffffffff, 4) + ".",
           "B" + le(9, 4) + "x.", "\x8b" + le(0x7fffffff, 4) + ".",
           "\x8b" + le(0xffffffff, 4) + ".", "\x95" + le(1000, 8) + ".", "\x8a\x05.."s, "G1234567"s,
           "J123"s, "X12"s, "\x80"s, ""s, "N"s}) {
    EXPECT_EQ(pickle_error(bytes).find("p: byte "), 0u) << bytes;
  }
  EXPECT_NE(pickle_error("\x80\xc8.").find("protocol 200, expected at most 5"), std::string::npos);
}

TEST(Pickle, MemoSlotsAreNotAnArray) {
  const std::string bytes = "K\x05r" + le(0xffffffff, 4) + "0j" + le(0xffffffff, 4) + ".";
  EXPECT_EQ(read(bytes).top.at, 5);
}

TEST(Pickle, MayContainItself) {
  const std::string loop =
      "]q\x01h\x01"
      "a.";
  const Pickle p = read(loop);
  EXPECT_EQ(p.lists[0][0].kind, PickleKind::list);
  EXPECT_EQ(p.lists[0][0].at, 0);
}

TEST(Pickle, DepthAndCountsAreBounded) {
  std::string tuples = ")";
  tuples += std::string(12'000, '\x85') + ".";
  EXPECT_EQ(read(tuples).top.kind, PickleKind::tuple);
  EXPECT_NE(pickle_error("\x80\x02" + std::string(60'000'000, '(') + ".").find("on the stack"),
            std::string::npos);
  EXPECT_NE(pickle_error(std::string(20'000'000, ']') + std::string(19'999'999, 'a') + ".")
                .find("values in all"),
            std::string::npos);
  EXPECT_NE(pickle_error(")" + std::string(20'000'000, '\x85') + ".").find("values in all"),
            std::string::npos);
  std::string lists;
  for (int i = 0; i < 5'000'000; ++i) lists += "]0";
  EXPECT_NE(pickle_error(lists + ".").find("values in all"), std::string::npos);
  // A list of 1000 items, copied again and again by Python 2's OrderedDict.
  std::string copies = "](";
  for (int i = 0; i < 1000; ++i) copies += "NN\x86";
  copies += "eq\x01" + std::string("0");
  const std::string call = pk_global("collections", "OrderedDict") + "h\x01\x85R0";
  for (int i = 0; i < 5000; ++i) copies += call;
  EXPECT_NE(pickle_error(copies + ".").find("values in all"), std::string::npos);
  EXPECT_NE(pickle_error("N" + std::string(70u << 20, '\x80')), "");
  EXPECT_NE(pickle_error("X" + le(66u << 20, 4) + std::string(66u << 20, 'x') + ".")
                .find("longer than 64 MiB"),
            std::string::npos);
}

}  // namespace
}  // namespace costeff::checkpoint
