#include "kernels/optimizer_step.hpp"

namespace jetcal {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

using Names = std::vector<std::string>;

}  // namespace

std::vector<std::string> optimizer_states(OptimizerStep const& step) {
  return std::visit(Overloaded{
                        [](RadamStep const&) {
                          return Names{"m", "v"};
                        },
                        [](DiffgradStep const&) {
                          return Names{"m", "v", "gradient_before"};
                        },
                        [](AdamStep const&) {
                          return Names{"m", "v"};
                        },
                        [](SgdStep const&) { return Names{"velocity"}; },
                    },
                    step);
}

void cpu::optimizer_update(OptimizerStep const& step, float* p, std::vector<float*> const& states,
                           float const* g, std::int64_t n) {
  JETCAL_REQUIRE(states.size() == optimizer_states(step).size(), ShapeError,
                 "optimizer_update: " << states.size() << " states (must be "
                                      << optimizer_states(step).size() << ")");
  std::visit(Overloaded{
                 [&](RadamStep const& s) { radam_update(p, states[0], states[1], g, n, s); },
                 [&](DiffgradStep const& s) {
                   diffgrad_update(p, states[0], states[1], states[2], g, n, s);
                 },
                 [&](AdamStep const& s) { adam_update(p, states[0], states[1], g, n, s); },
                 [&](SgdStep const& s) { sgd_update(p, states[0], g, n, s); },
             },
             step);
}

}  // namespace jetcal
