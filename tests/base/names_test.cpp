#include "base/names.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error_of.h"

namespace costeff {
namespace {

enum class Fruit { apple, pear, plum };

constexpr std::array<Name<Fruit>, 3> kFruits{
    {{"apple", Fruit::apple}, {"pear", Fruit::pear}, {"bosc", Fruit::pear}}};

TEST(Names, ThereAndBack) {
  const struct {
    const char* name;
    Fruit value;
    const char* printed;
  } cases[] = {{"apple", Fruit::apple, "apple"},
               {"pear", Fruit::pear, "pear"},
               {"bosc", Fruit::pear, "pear"}};
  for (const auto& c : cases) {
    EXPECT_EQ(value_of_name(kFruits, c.name, "fruit"), c.value);
    EXPECT_EQ(name_of_value(kFruits, c.value), c.printed);
    EXPECT_EQ(find_named(kFruits, c.name)->value, c.value);
  }
  EXPECT_EQ(name_of_value(kFruits, Fruit::plum), "");
  EXPECT_EQ(listed_names(kFruits), "apple, pear, bosc");
}

TEST(Names, UnknownOnesAreToldTheList) {
  const struct {
    std::string name, text;
  } cases[] = {{"nut", "nut"},
               {"", ""},
               {"Apple", "Apple"},
               {"appl", "appl"},
               {"apple ", "apple "},
               {"a\nb", "a\\nb"},
               {std::string(60, 'x'), std::string(40, 'x') + "..."}};
  for (const auto& c : cases) {
    EXPECT_EQ(find_named(kFruits, c.name), nullptr);
    EXPECT_EQ(error_of(ErrorKind::usage, [&] { value_of_name(kFruits, c.name, "fruit"); }),
              "fruit \"" + c.text + "\" is not known, expected one of apple, pear, bosc");
  }
  EXPECT_EQ(error_of(ErrorKind::model,
                     [] { throw_unknown_name("c.json: act", "x", "a, b", ErrorKind::model); }),
            "c.json: act \"x\" is not known, expected one of a, b");
}

}  // namespace
}  // namespace costeff
