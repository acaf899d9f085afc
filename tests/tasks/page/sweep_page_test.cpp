#include "tasks/page/sweep_page.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/files/content_hash.h"
#include "tasks/page/page.h"
#include "tasks/page/svg.h"
#include "tasks/sweep_rows.h"

namespace costeff::tasks {
namespace {

// Every < of a text begins one of the elements that we write ourselves, and every one is closed.
void expect_our_markup(std::string text) {
  const std::vector<std::string> ours{
      "html",     "head",       "body",  "meta",  "title",  "style",   "h1",      "h2",
      "p",        "bdi",        "b",     "br",    "small",  "code",    "div",     "ul",
      "li",       "table",      "thead", "tbody", "tr",     "th",      "td",      "i",
      "figure",   "figcaption", "svg",   "text",  "line",   "rect",    "path",    "circle",
      "polyline", "section",    "span",  "pre",   "script", "details", "summary", "h3"};
  std::vector<std::string> open;
  for (size_t at = text.find(kPageScript); at != std::string::npos; at = text.find(kPageScript))
    text.erase(at, kPageScript.size());  // it compares with <
  for (size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    if (text.compare(at, 10, "<!doctype ") == 0) continue;
    const size_t end = text.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const bool closes = text[at + 1] == '/';
    size_t name_end = at + 1 + closes;
    while (std::isalnum(static_cast<unsigned char>(text[name_end]))) ++name_end;
    const std::string name = text.substr(at + 1 + closes, name_end - at - 1 - closes);
    ASSERT_NE(std::find(ours.begin(), ours.end(), name), ours.end()) << text.substr(at, 60);
    // Names of attributes: what is left without the values.
    std::string tag;
    bool quoted = false;
    for (const char c : text.substr(at, end - at)) {
      quoted ^= c == '"';
      if (!quoted) tag += c;
    }
    EXPECT_EQ(tag.find(" on"), std::string::npos) << tag;
    if (closes) {
      ASSERT_FALSE(open.empty());
      ASSERT_EQ(open.back(), name) << text.substr(at, 60);
      open.pop_back();
    } else if (text[end - 1] != '/' && name != "meta" && name != "br") {
      open.push_back(name);
    }
  }
  EXPECT_TRUE(open.empty());
}

TEST(Report, HostileTextsStayTexts) {
  const SweepReport r = hostile_report();
  const std::string html = sweep_html({&r, 1}, "<script>t</script>");
  expect_our_markup(html);
  // Only ours, at the end.
  EXPECT_EQ(html.find("<script"), html.find("<script>" + std::string(kPageScript) + "</script>"));
  EXPECT_EQ(html.find("<script"), html.rfind("<script"));
  EXPECT_NE(html.find("&lt;script&gt;alert(&#39;x&#39;)"), std::string::npos);
  EXPECT_NE(html.find("&lt;i&gt;a&lt;/i&gt;"), std::string::npos);
  EXPECT_EQ(html.find('\xff'), std::string::npos);
  EXPECT_EQ(html.find('\x01'), std::string::npos);
  for (const SpeedAxis axis : {SpeedAxis::layers, SpeedAxis::macs, SpeedAxis::time})
    expect_our_markup(sweep_svg({&r, 1}, axis, "<script>t</script>\"'"));
}

TEST(Report, NeedsNoNetwork) {
  SweepReport r = hostile_report();
  r.data = "d.tsv";  // the names of attributes are looked for, also where they would be text
  for (std::string text : {sweep_html({&r, 1}, "t"), sweep_svg({&r, 1}, SpeedAxis::macs, "t")}) {
    const std::string name = "http://www.w3.org/2000/svg";  // a name, never fetched
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name))
      text.erase(at, name.size());
    for (const char* sign : {"http:", "https:", "url(", "@import", "src=", "<link"})
      EXPECT_EQ(text.find(sign), std::string::npos) << sign;
  }
}

TEST(Report, LightAndDarkAndNarrow) {
  const SweepReport r = hostile_report();
  const std::string html = sweep_html({&r, 1}, "t");
  EXPECT_NE(html.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_NE(html.find("width=device-width"), std::string::npos);
  EXPECT_NE(html.find("overflow-x:auto"), std::string::npos);
}

TEST(Report, WithoutExitsThatDifferOrRegression) {
  SweepReport r = hostile_report();
  r.disagreements.clear();
  r.disagreeing_rows = 0;
  expect_our_markup(sweep_html({&r, 1}, "t"));
  r.problem = ProblemType::regression;
  r.quality_name = "pearson";
  for (SweepPoint& p : r.points) p.interval = {NAN, NAN};
  for (ExitSummary& e : r.exits) e.quality = NAN;
  for (SweepPoint& p : r.points) p.quality = NAN;
  expect_our_markup(sweep_html({&r, 1}, "t"));
}

// The page's policy lets only this script run, by its SHA-256. Whoever changes the script changes both numbers:
// printf %s "$SCRIPT" | openssl dgst -sha256 -binary | base64
TEST(Page, ScriptAndItsHashChangeTogether) {
  EXPECT_EQ(hash_bytes(kPageScript), 10748487858330926446u);
  EXPECT_EQ(kPageScriptHash, "ux1qJ6aL5N3WrkeLcUl6pNgeITBgEmeTXbTzWhPYYwE=");
  EXPECT_NE(page_begin("t").find("script-src 'sha256-" + std::string(kPageScriptHash) + "'"),
            std::string::npos);
}

TEST(Page, TablesSortByNumbers) {
  std::string out;
  Table t{{"Name", "Share"}, {{{"a"}, {"9%", 0.09}}, {{"b"}, {"10%", 0.1}}}};
  t.rows[0][1].bar = true;
  append_table(t, &out);
  EXPECT_NE(
      out.find("<td class=\"bar\" data-v=\"0.09\"><i style=\"height:9.0%\"></i><b>9%</b></td>"),
      std::string::npos)
      << out;
  EXPECT_NE(out.find("<td>b</td><td data-v=\"0.1\">10%</td>"), std::string::npos) << out;
}

// The parts that decide with the reader are there, and say the same as the points.
TEST(SweepPage, VerdictClassesAndProvenance) {
  SweepReport r = hostile_report();
  r.verdict.point = 1;
  r.own = r.points[2].policy;
  r.tune_command = "costeff tune m";
  r.points[1].flags = "--point <1>";
  r.provenance.command = "costeff sweep <x>";
  r.provenance.cpu = "A & B";
  const std::string html = sweep_html({&r, 1}, "t");
  expect_our_markup(html);
  for (const char* text :
       {"<span class=\"tag\">recommended</span>", "<span class=\"tag\">the model's own</span>",
        "costeff tune m --point &lt;1&gt;", "costeff sweep &lt;x&gt;", "A &amp; B",
        "class=\"noise\"", "class=\"ring\"", "Risk\u2013coverage", "class=\"hint\""})
    EXPECT_NE(html.find(text), std::string::npos) << text;
}

TEST(SweepPage, SeveralModels) {
  std::vector<SweepReport> models{hostile_report(), hostile_report()};
  models[1].model = "other";
  for (SweepPoint& p : models[1].points) p.macs *= 0.5;
  const std::string html = sweep_html(models, "t");
  expect_our_markup(html);
  EXPECT_NE(html.find("<summary>other by itself</summary>"), std::string::npos);
  EXPECT_NE(html.find("Take other with"), std::string::npos);
  expect_our_markup(sweep_svg(models, SpeedAxis::macs, "t"));
}

TEST(EscapeHtml, MarkupAndBytes) {
  EXPECT_EQ(escape_html("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  EXPECT_EQ(escape_html("a\tb\nc"), "a b c");
  EXPECT_EQ(escape_html("\xff\x01"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(escape_html("caf\xc3\xa9"), "caf\xc3\xa9");
}

TEST(RoundAxis, Ticks) {
  EXPECT_EQ(round_axis(0, 1, 5).ticks,
            (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  EXPECT_EQ(round_axis(17, 103, 5).ticks, (std::vector<double>{20, 40, 60, 80, 100}));
  EXPECT_FALSE(round_axis(0.5, 0.5, 5).ticks.empty());
}

}  // namespace
}  // namespace costeff::tasks
