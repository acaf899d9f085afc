// What is trained is written in the dialect asked for and read back the same, or refused.

#include <gtest/gtest.h>

#include "shared_data.h"
#include "toy.h"

namespace costeff {
namespace {

constexpr const char* kBert = "plain_bert";
constexpr const char* kRoberta = "plain_roberta";
constexpr const char* kDistil = "distilbert";
constexpr const char* kElastic = "elasticbert_static";

Job job_of(const std::string& family, const std::string& recipe, const std::string& dialect) {
  const std::string backbone = shared_path("golden/" + family);
  const BackboneInfo info = inspect_backbone(backbone);
  Job job = toy_job(backbone, recipe, info.num_labels);
  if (!info.labels.empty()) job.options.labels = info.labels;
  if (find_recipe(recipe).needs_teacher) job.options.teacher = backbone;
  job.options.epochs = 0.25;
  job.options.dialect = dialect;
  return job;
}

TEST(TrainDialects, AreReadBack) {
  const struct {
    const char *family, *recipe, *asked, *written;
  } cases[] = {
      {kBert, "plain", "", "plain-bert"},
      {kBert, "plain", "plain", "plain-bert"},
      {kBert, "plain", "costeff", "plain-bert"},  // there is no off-ramp to say
      {kBert, "plain", "deebert", "plain-bert"},
      {kBert, "plain", "cost-eff", "cost-eff"},
      {kBert, "plain", "elasticbert", "elasticbert-static"},
      {kBert, "ramps", "", "costeff-plain-bert"},
      {kBert, "ramps", "deebert", "deebert-bert"},
      {kBert, "ramps", "elasticbert", "elasticbert"},
      {kBert, "deebert", "", "deebert-bert"},
      {kBert, "deebert", "pabee", "pabee"},
      {kBert, "joint", "costeff", "costeff-plain-bert"},
      {kBert, "joint", "cost-eff", "cost-eff"},
      {kBert, "joint", "elasticbert", "elasticbert"},
      {kBert, "weighted", "", "pabee"},
      {kBert, "weighted", "deebert", "deebert-bert"},
      {kBert, "berxit", "", "berxit-bert"},
      {kBert, "assistant", "", "cost-eff"},
      {kBert, "assistant", "deebert", "deebert-bert"},
      {kRoberta, "plain", "", "plain-roberta"},
      {kRoberta, "ramps", "", "costeff-plain-roberta"},
      {kRoberta, "ramps", "deebert", "deebert-roberta"},
      {kRoberta, "joint", "", "deebert-roberta"},
      {kRoberta, "weighted", "", "pabee"},
      {kRoberta, "berxit", "berxit", "berxit-roberta"},
      {kRoberta, "assistant", "", "cost-eff"},
      {kDistil, "plain", "", "distilbert"},
      {kDistil, "ramps", "", "costeff-distilbert"},
      {kDistil, "joint", "", "costeff-distilbert"},
      {kDistil, "berxit", "", "costeff-distilbert"},
      {kElastic, "plain", "", "elasticbert-static"},
      {kElastic, "ramps", "", "costeff-elasticbert-static"},
      {kElastic, "joint", "elasticbert", "elasticbert"},
      {kElastic, "joint", "", "costeff-elasticbert-static"},
      {"electra", "plain", "", "plain-electra"},
      {"electra", "joint", "", "costeff-plain-electra"},
      {"electra", "weighted", "", "costeff-plain-electra"},
      {"albert", "plain", "", "plain-albert"},
      {"albert", "ramps", "", "costeff-plain-albert"},
      {"albert", "joint", "", "costeff-plain-albert"},
      {"albert", "weighted", "", "pabee"},
      {"albert_groups", "weighted", "", "costeff-plain-albert"},
      {"ernie", "plain", "", "plain-ernie"},
      {"ernie", "joint", "", "costeff-plain-ernie"},
      {"data2vec", "joint", "", "deebert-roberta"},
  };
  const TempDir dir;
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.family) + " " + c.recipe + " \"" + c.asked + "\"");
    Job job = job_of(c.family, c.recipe, c.asked);
    Judge judge;
    job.options.metric = judge.metric();
    const std::string out = dir.file(std::to_string(&c - cases));
    const auto result = run(job, out);
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->dialect, c.written);
    EXPECT_EQ(Engine(out).info().dialect, c.written);
    EXPECT_EQ(all_logits(answers(out, job.dev)), judge.logits);
  }
}

TEST(TrainDialects, AreRefused) {
  const struct {
    const char *family, *recipe, *asked, *says;
  } cases[] = {
      {kBert, "joint", "bertt", "dialect \"bertt\" is not known, expected one of costeff"},
      {kBert, "joint", "plain", "an exit at layer 1, and plain models have none before the last"},
      {kBert, "ramps", "pabee", "trains off-ramps alone, and pabee's exits share a pooler"},
      {kBert, "ramps", "cost-eff", "reads the mean over the tokens at layer 1, and cost-eff's"},
      {kBert, "joint", "berxit", "trains no learned exit, and berxit's off-ramps share one"},
      {kBert, "ramps", "berxit", "trains no learned exit, and berxit's off-ramps share one"},
      {kBert, "berxit", "deebert", "trains a learned exit, and deebert's exits are not learned"},
      {kBert, "berxit", "costeff", "trains a learned exit, and costeff's exits are not learned"},
      {kRoberta, "joint", "elasticbert", "is a RoBERTa, and elasticbert is for BERT and Elastic"},
      {kDistil, "joint", "deebert", "is a DistilBERT, and deebert is for BERT and RoBERTa"},
      {kDistil, "plain", "pabee", "is a DistilBERT, and pabee is for BERT, RoBERTa and ALB"},
      {kDistil, "berxit", "berxit", "is a DistilBERT, and berxit is for BERT and RoBERTa"},
      {kElastic, "weighted", "pabee", "is an ElasticBERT, and pabee is for BERT, RoBERTa and ALB"},
      {"electra", "joint", "deebert", "is an ELECTRA, and deebert is for BERT and RoBERTa"},
      {"albert", "berxit", "berxit", "is an ALBERT, and berxit is for BERT and RoBERTa"},
      {"ernie", "joint", "cost-eff", "is an ERNIE, and cost-eff is for BERT and RoBERTa"},
      {"albert_groups", "weighted", "pabee", "inside a group of layers, and pabee's exits follow"},
      {kElastic, "assistant", "cost-eff", "is an ElasticBERT, and cost-eff is for BERT and"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.family) + " " + c.recipe + " " + c.asked);
    const Job job = job_of(c.family, c.recipe, c.asked);
    const std::string what = error_message(
        ErrorKind::usage, [&] { Trainer(job.backbone, job.train, job.dev, job.options); });
    EXPECT_TRUE(contains(what, c.says)) << what;
  }
  // What the exits read is a part of what a dialect must say.
  Job job = job_of(kBert, "joint", "deebert");
  job.options.pooling = ExitPooling::mean;
  const std::string what = error_message(
      ErrorKind::usage, [&] { Trainer(job.backbone, job.train, job.dev, job.options); });
  EXPECT_TRUE(contains(what,
                       "reads the mean over the tokens at layer 1, and deebert's exits read "
                       "the first token"))
      << what;
}

// Dialects that are not the recipe's are told, with the reason.
TEST(TrainDialects, AreExplained) {
  const auto notes = [](const Job& job) {
    std::string all;
    const Trainer trainer(job.backbone, job.train, job.dev, job.options);
    for (const std::string& note : trainer.plan().notes) all += note + "\n";
    return all;
  };
  const std::string distil = notes(job_of(kDistil, "berxit", ""));
  EXPECT_TRUE(contains(distil, "written as costeff: the model is a DistilBERT")) << distil;
  EXPECT_TRUE(contains(distil, "costeff's exits are not learned: that part is left out")) << distil;
  EXPECT_EQ(notes(job_of(kBert, "plain", "")), "");
  // What a recipe does not train, or needs more of.
  const std::string learned = notes(job_of("berxit", "joint", ""));
  EXPECT_TRUE(contains(learned, "the backbone's learned exits are left out")) << learned;
  EXPECT_EQ(notes(job_of("berxit", "berxit", "")), "");
  const std::string shared = notes(job_of("pabee", "joint", ""));
  EXPECT_TRUE(contains(shared, "the backbone's exits share a pooler; here each has one")) << shared;
  EXPECT_EQ(notes(job_of("pabee", "weighted", "")), "");
  const TempDir early;
  write_tiny_checkpoint(early.path(), toy_shape("deebert"));
  Job scores = toy_job(early.path(), "self-distil");
  scores.options.labels.clear();
  scores.options.problem = ProblemType::regression;
  const struct {
    Job job;
    const char* says;  // null: nothing about it
    const char* about;
  } cases[] = {
      {toy_job(early.path(), "weighted"),
       "the exits' own poolers are replaced by a shared one (pabee's form)", "own poolers"},
      {job_of(kBert, "weighted", ""), nullptr, "own poolers"},
      {toy_job(early.path(), "joint"), nullptr, "own poolers"},
      {scores, "self-distil on a regression is the same as joint: ", "the same as joint"},
      {toy_job(early.path(), "self-distil"), nullptr, "the same as joint"},
  };
  for (const auto& c : cases) {
    const std::string all = notes(c.job);
    EXPECT_TRUE(contains(all, c.says ? c.says : "")) << all;
    EXPECT_EQ(contains(all, c.about), c.says != nullptr) << c.job.options.recipe << "\n" << all;
  }
}

}  // namespace
}  // namespace costeff
