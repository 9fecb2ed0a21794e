#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/errors.hpp"
#include "kernels/adam.hpp"
#include "kernels/diffgrad.hpp"
#include "kernels/radam.hpp"
#include "kernels/sgd.hpp"

namespace jetcal {

/// The constants of one update of one of the optimizers. A new optimizer is an entry here; the
/// compiler names what is missing for it.
using OptimizerStep = std::variant<RadamStep, DiffgradStep, AdamStep, SgdStep>;

/// The arenas an optimizer keeps between updates, in the order the updates take them; all begin
/// as 0.
std::vector<std::string> optimizer_states(OptimizerStep const& step);

namespace cpu {

/// One update of n parameters; `states` as optimizer_states() names them, n floats each.
void optimizer_update(OptimizerStep const& step, float* p, std::vector<float*> const& states,
                      float const* g, std::int64_t n);

}  // namespace cpu
}  // namespace jetcal
