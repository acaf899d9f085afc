#include "prune/factorise.h"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include "base/fail.h"

namespace costeff::prune {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Eigen::MatrixXd;

Eigen::Map<const Rows> matrix_of(const model::Parameters& parameters, model::ParameterId id) {
  const Tensor& t = parameters.tensor(id);
  if (t.dtype != DType::f32) fail(ErrorKind::internal, "{}is not float32", tensor_place(t));
  return {reinterpret_cast<const float*>(t.data), t.shape[0], t.shape[1]};
}

// Rows at a time, in double: all of them would take a gigabyte.
constexpr Eigen::Index kPieceRows = 1024;

MatrixXd gram(const Eigen::Map<const Rows>& words) {
  MatrixXd sum = MatrixXd::Zero(words.cols(), words.cols());
  for (Eigen::Index at = 0; at < words.rows(); at += kPieceRows) {
    const MatrixXd piece =
        words.middleRows(at, std::min(kPieceRows, words.rows() - at)).cast<double>();
    sum.selfadjointView<Eigen::Lower>().rankUpdate(piece.transpose());
  }
  return sum.selfadjointView<Eigen::Lower>();
}

}  // namespace

// E = U S V^T, E1 = U_r S_r = E V_r and E2 = V_r, where the columns of V are the eigenvectors of E^T E.
// Of a product E = W1 W2^T: E^T E = W2 (W1^T W1) W2^T and E V_r = W1 (W2^T V_r).
void factorise_embedding(model::Model* m, int64_t rank) {
  model::Embeddings& e = m->arch.embeddings;
  const auto words = matrix_of(m->parameters, e.word);
  MatrixXd squares = gram(words), up;
  if (e.word_up) {
    up = matrix_of(m->parameters, e.word_up->weight).cast<double>();
    squares = (up * squares * up.transpose()).eval();
  }
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(squares);  // ascending
  if (solver.info() != Eigen::Success)
    fail_model("the word embedding cannot be factorised: its values are too large");
  const MatrixXd v = solver.eigenvectors().rightCols(rank).rowwise().reverse();
  const MatrixXd map = e.word_up ? MatrixXd(up.transpose() * v) : v;
  std::span<float> first, second;
  const model::ParameterId word = model::new_parameter(
      &m->parameters, model::Role::word, model::Part::weight, "factorised word embedding",
      "word_embeddings1.weight", {words.rows(), rank}, &first);
  for (Eigen::Index at = 0; at < words.rows(); at += kPieceRows) {
    const Eigen::Index count = std::min(kPieceRows, words.rows() - at);
    Eigen::Map<Rows>(first.data() + at * rank, count, rank) =
        (words.middleRows(at, count).cast<double>() * map).cast<float>();
  }
  const model::ParameterId second_id = model::new_parameter(
      &m->parameters, model::Role::word_up, model::Part::weight, "factorised word embedding",
      "word_embeddings2.weight", {v.rows(), rank}, &second);
  Eigen::Map<Rows>(second.data(), v.rows(), rank) = v.cast<float>();
  e.word = word;
  e.word_up = model::Linear{v.rows(), rank, second_id, model::kNone};
  model::number_parameters(m);
}

}  // namespace costeff::prune
