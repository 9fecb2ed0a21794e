#include "kernels/reduce.cuh"

#include "tests/catch.hpp"
#include "tests/cuda/device_matrix.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

TEST_CASE("cuda adds gradient lanes in the CPU's tree", "[cuda][reduce]") {
  for (std::int64_t const n_lanes : {1, 2, 4, 8, 16, 32, 64, 128, 256}) {
    std::int64_t const n = n_lanes > 8 ? 37 : 519, begin = 3, end = n - 2;
    CAPTURE(n_lanes, n);
    std::vector<std::vector<float>> lanes;
    std::vector<float*> pointers;
    std::vector<float> others;
    for (std::int64_t i = 0; i < n_lanes; ++i) {
      lanes.push_back(uniform(n, -1, 1, seed_of("lane", i)));
      if (i > 0) { others.insert(others.end(), lanes.back().begin(), lanes.back().end()); }
    }
    for (auto& lane : lanes) { pointers.push_back(lane.data()); }
    DeviceArray first(lanes[0]), rest(others);
    cpu::sum_lanes(pointers.data(), static_cast<int>(n_lanes), begin, end);
    cuda::sum_lanes(stream(), {first.data(), rest.data(), n}, n_lanes, begin, end);
    CHECK_SAME_BITS(first.values(), lanes[0]);
    CHECK_SAME_BITS(rest.values(), others);
    CHECK((first.well_kept() && rest.well_kept()));
  }
  for (std::int64_t const n_lanes : {0, 3, 12, 512}) {
    CHECK_THROWS_AS(cuda::sum_lanes(stream(), {}, n_lanes, 0, 1), ShapeError);
  }
}

/// engine/lanes.hpp's order, on the host.
double sum_in_order(std::vector<float> const& x, Lanes const& lanes) {
  std::vector<double> sums;
  for (std::int64_t i = 0; i < lanes.count; ++i) {
    std::int64_t const begin = lanes.begin(i);
    sums.push_back(cpu::sum_rows(x.data() + begin, lanes.begin(i + 1) - begin, 1));
  }
  return sum_tree(sums.data(), lanes.count);
}

TEST_CASE("cuda sums over rows in the CPU's order", "[cuda][reduce]") {
  struct {
    std::int64_t rows, lanes;
  } const kCases[] = {{0, 8},    {1, 8},    {63, 8},   {129, 8},  {1000, 1},
                      {2048, 1}, {2049, 1}, {4500, 2}, {5000, 8}, {20000, 256}};
  for (auto const& c : kCases) {
    CAPTURE(c.rows, c.lanes);
    Lanes const lanes(c.rows, c.lanes);
    std::vector<float> const a = uniform(c.rows, -1, 1, seed_of("a", c.rows));
    std::vector<float> const b = uniform(c.rows, 0, 1e9, seed_of("b", c.rows));
    DeviceArray da(a), db(b);
    cuda::RowArrays arrays;
    arrays.of[0] = da.data();
    arrays.of[5] = db.data();
    DeviceNumbers<double> sums(static_cast<std::size_t>(cuda::kMostRowArrays * lanes.count));
    DeviceNumbers<double> totals(cuda::kMostRowArrays);
    cuda::sum_rows(stream(), arrays, lanes, sums.data(), totals.data());
    std::vector<double> want(cuda::kMostRowArrays, 0.0);
    want[0] = sum_in_order(a, lanes);
    want[5] = sum_in_order(b, lanes);
    CHECK_CLOSE(totals.values(), want, (Tolerance{0, 0}));
  }
}

TEST_CASE("cuda divides 1 by what is above 0", "[cuda][reduce]") {
  for (double const divisor : {3.0, 1e-30, 0.0, -2.0, static_cast<double>(NAN)}) {
    CAPTURE(divisor);
    DeviceNumbers<double> on_device(1);
    DeviceArray scale({kGuard});
    context().start_upload(&divisor, on_device.data(), sizeof divisor);
    cuda::inverse_or_zero(stream(), on_device.data(), scale.data());
    CHECK(scale.values()[0] == (divisor > 0 ? static_cast<float>(1 / divisor) : 0.0f));
  }
}

NormResult norm_on_device(std::vector<float> const& x, NormResult start) {
  DeviceArray dx(x);
  DeviceNumbers<NormResult> parts(x.size() / 4096 + 1), total(1);
  context().start_upload(&start, total.data(), sizeof start);
  cuda::add_squared_norm(stream(), dx.data(), static_cast<std::int64_t>(x.size()), parts.data(),
                         total.data());
  return total.values()[0];
}

TEST_CASE("cuda norms are the CPU's, group by group", "[cuda][reduce]") {
  for (std::int64_t const n :
       {0, 1, 15, 16, 17, 33, 4095, 4096, 4097, 8193, 65535, 65537, 150000}) {
    CAPTURE(n);
    std::vector<float> const x = uniform(n, -3, 5, seed_of("norm", n));
    NormResult want{7.5, 0};
    for (std::int64_t begin = 0; begin < n; begin += cuda::kNormGroup) {
      NormResult const group =
          cpu::squared_norm(x.data(), begin, std::min(n, begin + cuda::kNormGroup));
      want.sum_of_squares += group.sum_of_squares;
    }
    NormResult const got = norm_on_device(x, {7.5, 0});
    CHECK(got.sum_of_squares == want.sum_of_squares);
    CHECK(got.non_finite == 0);
  }
}

TEST_CASE("cuda norms count what is not finite", "[cuda][reduce]") {
  std::vector<float> x = uniform(9000, -1, 1, seed_of("not finite"));
  x[0] = std::nanf("");
  x[4096] = INFINITY;
  x[8999] = -INFINITY;
  x[17] = 3.4e38f;  // its square is finite in double
  NormResult const got = norm_on_device(x, {0, 2});
  CHECK(got.non_finite == 5);
  CHECK(std::isnan(got.sum_of_squares));
}

TEST_CASE("cuda refuses what is not finite, and what comes after it", "[cuda][reduce]") {
  double const nan = std::nan(""), infinity = HUGE_VAL;
  struct {
    std::vector<double> losses;  // and something between them that does not matter
    NormResult norm;
    int before, want;
  } const kCases[] = {
      {{1, nan, 2, nan}, {3, 0}, 0, 0},
      {{1, nan, 2, nan}, {3, 0}, 1, 1},
      {{nan, 0, 2, 0}, {3, 0}, 0, 1},
      {{1, 0, -infinity, 0}, {3, 0}, 0, 1},
      {{1, 0, 2, 0}, {infinity, 0}, 0, 1},
      {{1, 0, 2, 0}, {nan, 0}, 0, 1},
      {{1, 0, 2, 0}, {3, 1}, 0, 1},
      {{-1e300, 0}, {0, 0}, 0, 0},
      {{1, 0, 2, 0, infinity, 0}, {3, 0}, 0, 1},
  };
  for (auto const& c : kCases) {
    CAPTURE(c.losses, c.norm.sum_of_squares, c.norm.non_finite, c.before);
    DeviceNumbers<double> losses(c.losses.size());
    DeviceNumbers<NormResult> norm(1);
    DeviceNumbers<int> refused(1);
    context().start_upload(c.losses.data(), losses.data(), c.losses.size() * sizeof(double));
    context().start_upload(&c.norm, norm.data(), sizeof c.norm);
    context().start_upload(&c.before, refused.data(), sizeof c.before);
    cuda::refuse_non_finite(stream(), losses.data(), static_cast<int>(c.losses.size() / 2),
                            norm.data(), refused.data());
    CHECK(refused.values()[0] == c.want);
  }
}

}  // namespace
}  // namespace jetcal::test
