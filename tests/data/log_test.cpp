#include "engine/log.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "engine/random.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"

namespace jetcal {
namespace {

using test::seed_of;

// long double on x86 has 64 bits of mantissa; where it is a double, the bound has room for libm's
// ulp.
double relative_error(double x) {
  long double const want = std::log(static_cast<long double>(x));
  long double const off = std::abs(static_cast<long double>(natural_log(x)) - want);
  return static_cast<double>(want == 0 ? off : off / std::abs(want));
}

TEST_CASE("natural_log is within 3e-16 of the logarithm wherever x is positive", "[log]") {
  RandomStream const random(seed_of("natural_log"), Purpose::test);
  double worst = 0;
  auto const look = [&](double x) {
    double const error = relative_error(x);
    worst = error <= worst ? worst : error;  // a nan stays
  };
  for (std::uint64_t i = 0; i < 200000; ++i) {
    double const any = std::bit_cast<double>(random.bits(3 * i) & 0x7fffffffffffffff);
    if (std::isfinite(any) && any > 0) { look(any); }
    look(std::exp2(8 * random.uniform(3 * i + 1) - 4));
    look(1 + (random.uniform(3 * i + 2) - 0.5) * 1e-4);
  }
  for (double const x :
       {0x1p-1074, 0x1.fffffffffffffp-1023, 0x1p-1022, 0x1.6a09e667f3bccp0, 0x1.6a09e667f3bcdp0,
        0x1.6a09e667f3bcdp-1, 0x1.fffffffffffffp-1, 1 + 0x1p-52, 0x1.fffffffffffffp1023}) {
    CAPTURE(x);
    CHECK(relative_error(x) < 3e-16);
    look(x);
  }
  CAPTURE(worst);
  CHECK(worst < 3e-16);
}

TEST_CASE("natural_log is exact at 1 and follows IEEE at the ends", "[log]") {
  double const inf = std::numeric_limits<double>::infinity();
  CHECK(natural_log(1.0) == 0);
  CHECK_FALSE(std::signbit(natural_log(1.0)));
  CHECK(natural_log(0.0) == -inf);
  CHECK(natural_log(-0.0) == -inf);
  CHECK(natural_log(inf) == inf);
  CHECK(std::isnan(natural_log(-1.0)));
  CHECK(std::isnan(natural_log(-inf)));
  CHECK(std::isnan(natural_log(std::nan(""))));
}

// Computed with 30-digit arithmetic and rounded to double.
TEST_CASE("natural_log gives the known values", "[log]") {
  CHECK(natural_log(2.0) == Approx(0.693147180559945309417).epsilon(3e-16));
  CHECK(natural_log(10.0) == Approx(2.30258509299404568402).epsilon(3e-16));
  CHECK(natural_log(40.0) == Approx(3.68887945411393630285).epsilon(3e-16));
  CHECK(natural_log(0.7) == Approx(-0.356674943938732378912).epsilon(3e-16));
}

}  // namespace
}  // namespace jetcal
