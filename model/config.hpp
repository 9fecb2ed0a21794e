#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace jetcal::model {

/// Extra inputs exp(-(|v| - c)^2 / (2 w^2)) of one physical feature (arXiv:2311.08885,
/// section 5.2).
struct AnnotationConfig {
  bool enabled = true;
  std::string feature = "eta";  ///< a feature with transform none or abs
  bool symmetric = true;        ///< |v| instead of v
  std::vector<double> centres = {0.0, 0.8, 1.0, 1.2, 1.375, 1.475, 1.7, 2.0, 2.5, 2.8, 3.2};
  std::vector<double> widths = {0.50, 0.15, 0.12, 0.12, 0.08, 0.08, 0.12, 0.20, 0.20, 0.20, 0.25};
};

/// The calibration network: annotated inputs -> core -> energy fork and mass fork (its last hidden
/// layer times softmax(gate)) -> heads (arXiv:2311.08885, section 5.3).
struct NetworkConfig {
  std::string preset = "P1";
  std::vector<std::int64_t> core = {210, 210, 210};            ///< widths of the shared layers
  std::vector<std::int64_t> fork = {250, 250, 250, 250, 250};  ///< widths of each fork's layers
  std::vector<std::int64_t> gate = {
      210};  ///< hidden widths of the residual gate; its last layer has the fork's last width
  bool residual = true;
  bool gate_annotated = true;  ///< the gate sees the annotated inputs (false: the features alone)
  double gate_scale = 1;       ///< factor on the softmax
  bool energy = true;          ///< which heads there are
  bool mass = true;
  std::int64_t outputs =
      3;  ///< of a head: 3 (response, sigma_low, sigma_high) or 2 (response, sigma)
  AnnotationConfig annotation;
};

}  // namespace jetcal::model
