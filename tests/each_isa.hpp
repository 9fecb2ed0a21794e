#pragma once

#include "engine/isa.hpp"
#include "tests/catch.hpp"

namespace jetcal::test {

/// Kernels use `isa` while this lives, then what they used before.
class WithIsa {
 public:
  explicit WithIsa(Isa isa) : before_(active_isa()) { set_isa(isa); }
  ~WithIsa() { set_isa(before_); }
  WithIsa(WithIsa const&) = delete;
  WithIsa& operator=(WithIsa const&) = delete;

 private:
  Isa before_;
};

/// Runs `body` once with every instruction set there is here.
template <class Body>
void with_each_isa(Body body) {
  for (Isa const isa : available_isas()) {
    WithIsa const with(isa);
    CAPTURE(name(isa));
    body();
  }
}

}  // namespace jetcal::test
