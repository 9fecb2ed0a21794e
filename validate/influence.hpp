#pragma once

#include <optional>
#include <span>

#include "validate/mode.hpp"
#include "validate/response_point.hpp"
#include "validate/sorted_sample.hpp"

namespace jetcal::validate {

/// How far one more jet with the response r moves the mode and IQR68 / mode of a bin: what the
/// errors of ResponsePoint are made of, jet by jet. With it the error of a difference between two
/// calibrations of the same jets knows how they fluctuate together.
class Influence {
 public:
  /// Nothing if the mode is not of a fit.
  static std::optional<Influence> of(SortedSample const& sample, ModeEstimate const& mode);

  /// d(mode), d(IQR68 / mode) for a jet of weight 1.
  double on_mode(double response) const;
  double on_width(double response) const;

 private:
  Influence() = default;

  ModeEstimate mode_;
  double ratio_ = 0;
  double low_ = 0, high_ = 0;              // quantiles
  double low_scale_ = 0, high_scale_ = 0;  // 1 / (density * sum of weights)
};

/// b - a of two calibrations measured on the same jets.
struct Difference {
  std::optional<double> mode, mode_error;
  double second_mode = 0;                                ///< of b, where there is a difference
  std::optional<double> iqr68_ratio, iqr68_ratio_error;  ///< (IQR68 / mode) of b over that of a
};

/// `a` and `b` [jets] are the responses of each jet, `weights` empty (all 1) or as long.
///
/// Accuracy  errors within 20 % of the bootstrap's (a test)
Difference difference(ResponsePoint const& point_a, std::optional<Influence> const& influence_a,
                      std::span<float const> a, ResponsePoint const& point_b,
                      std::optional<Influence> const& influence_b, std::span<float const> b,
                      std::span<float const> weights);

}  // namespace jetcal::validate
