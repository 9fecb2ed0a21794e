#pragma once

#include <filesystem>
#include <memory>

#include "kernels/execution.hpp"
#include "model/model_file.hpp"
#include "model/network.hpp"

namespace jetcal::model {

/// A trained network that answers: the model file, its parameters on a device, and the tape.
class Predictor {
 public:
  /// Errors    DataError for a model file whose parameters are not those of its network
  Predictor(ModelFile file, std::string const& where, ExecutionOptions const& options);

  ModelFile const& file() const { return file_; }
  bool has_energy() const { return net_.energy >= 0; }
  bool has_mass() const { return net_.mass >= 0; }

  /// Responses of normalised features [rows, n_features]. `energy`, `mass` [rows, 3]: response,
  /// sigma_low, sigma_high (equal if the head has one sigma); NaN for a head the network lacks.
  void predict(ConstMat features, Mat energy, Mat mass);

 private:
  ModelFile file_;
  Network network_;
  RecordedNetwork net_;
  std::unique_ptr<Execution> execution_;
  Buffer parameters_;
};

}  // namespace jetcal::model
