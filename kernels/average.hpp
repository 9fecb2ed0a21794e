#pragma once

#include <cstdint>

namespace jetcal {

/// An update's constant, 1 - decay. Errors: ConfigError for a decay outside [0, 1].
float average_rate(float decay);

namespace cpu {

/// Exponential average of the weights: average += (1 - decay) (p - average).
///
/// Source    B. T. Polyak, A. B. Juditsky, SIAM J. Control Optim. 30 (1992) 838 (averaging of
///           iterates); the exponential form is that of tf.train.ExponentialMovingAverage
/// Shapes    average, p: n contiguous floats each; n == 0 is allowed
/// Values    an average that equals p stays so to the bit; decay 0 copies p up to one rounding
/// Errors    ConfigError for a decay outside [0, 1]
void average_update(float* average, float const* p, std::int64_t n, float decay);

}  // namespace cpu
}  // namespace jetcal
