#include "model/predictor.hpp"

#include <cmath>
#include <limits>

namespace jetcal::model {
namespace {

void fill_missing(Mat m, bool has_head, std::int64_t outputs) {
  for (std::int64_t r = 0; r < m.rows; ++r) {
    if (!has_head) {
      std::fill_n(m.row(r), 3, std::numeric_limits<float>::quiet_NaN());
    } else if (outputs == 2) {
      m.row(r)[2] = m.row(r)[1];
    }
  }
}

}  // namespace

Predictor::Predictor(ModelFile file, std::string const& where, ExecutionOptions const& options)
    : file_(std::move(file)),
      network_(file_.network, file_.inputs.names),
      net_(network_.record({}, network_.annotated_scale(file_.inputs.scale, file_.inputs.offset))),
      execution_(make_execution(options)),
      parameters_(options.device, network_.layout().size()) {
  parameters_.upload(to_arena(file_.parameters, network_.layout(), where));
}

void Predictor::predict(ConstMat features, Mat energy, Mat mass) {
  require_shape("Predictor::predict", "energy", energy, features.rows, 3);
  require_shape("Predictor::predict", "mass", mass, features.rows, 3);
  std::vector<Id> heads;
  std::vector<Mat> into;
  if (has_energy()) {
    heads.push_back(net_.energy);
    into.push_back(energy);
  }
  if (has_mass()) {
    heads.push_back(net_.mass);
    into.push_back(mass);
  }
  execution_->predict(net_.tape, features, parameters_, heads, into);
  fill_missing(energy, has_energy(), network_.config().outputs);
  fill_missing(mass, has_mass(), network_.config().outputs);
}

}  // namespace jetcal::model
