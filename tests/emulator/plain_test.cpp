// Plain kernels give what the host computes, without a finding.
#include "tests/emulator/programs/plain.cuh"
#include "tests/catch.hpp"
#include "tests/emulator/device_buffer.cuh"
#include "tests/emulator/emulator.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>

using programs::check;
using programs::DeviceBuffer;

namespace {

std::vector<float> small_integers(std::size_t n, unsigned factor) {
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) { values[i] = static_cast<float>(i * factor % 13) - 6.0f; }
  return values;
}

void require_no_findings() {
  check(cudaDeviceSynchronize());
  REQUIRE(emulator_client::take_findings().empty());
}

}  // namespace

TEST_CASE("the program runs on the emulator, and its addresses are not the host's", "[emulator]") {
  REQUIRE(emulator_client::present());
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0));
  CHECK(std::string(properties.name).find("emulator") != std::string::npos);
  DeviceBuffer<float> const buffer(100);
  CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 512 == 256);
}

TEST_CASE("an elementwise kernel is right for any size", "[emulator]") {
  for (int n : {1, 31, 32, 33, 383, 384, 385, 1000}) {
    CAPTURE(n);
    auto const x = small_integers(static_cast<std::size_t>(n), 7);
    DeviceBuffer<float> const dx(x), dy(x.size());
    programs::scale(dx.data(), dy.data(), n, 0.5f, nullptr);
    auto const y = dy.read();
    for (std::size_t i = 0; i < x.size(); ++i) { REQUIRE(y[i] == x[i] * 0.5f); }
  }
  require_no_findings();
}

TEST_CASE("a tiled product is exact on integers", "[emulator]") {
  for (int n : {1, 15, 16, 17, 40}) {
    CAPTURE(n);
    std::size_t const size = static_cast<std::size_t>(n);
    auto const a = small_integers(size * size, 5), b = small_integers(size * size, 11);
    DeviceBuffer<float> const da(a), db(b), dc(size * size);
    programs::multiply(da.data(), db.data(), dc.data(), n);
    auto const c = dc.read();
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) {
        float sum = 0;
        for (std::size_t k = 0; k < size; ++k) { sum += a[i * size + k] * b[k * size + j]; }
        REQUIRE(c[i * size + j] == sum);
      }
    }
  }
  require_no_findings();
}

TEST_CASE("shuffles and nvcc's expf sum rows", "[emulator]") {
  int const rows = 5, cols = 77;
  auto x = small_integers(static_cast<std::size_t>(rows * cols), 3);
  for (float& v : x) { v *= 10.3f; }
  DeviceBuffer<float> const dx(x), dy(rows);
  programs::sum_of_exponentials(dx.data(), dy.data(), rows, cols);
  auto const y = dy.read();
  for (int row = 0; row < rows; ++row) {
    double sum = 0;
    for (int i = 0; i < cols; ++i) {
      sum += std::exp(static_cast<double>(x[static_cast<std::size_t>(row * cols + i)]));
    }
    // expf: 2 ulp; 3 sums in the lane and 5 across them.
    CHECK(std::fabs(static_cast<double>(y[static_cast<std::size_t>(row)]) - sum) <=
          10 * 6e-8 * sum);
  }
  require_no_findings();
}

TEST_CASE("atomics of many blocks add up", "[emulator]") {
  int const n = 1000;
  std::vector<int> values(n);
  std::vector<unsigned> expected(7);
  for (int i = 0; i < n; ++i) {
    values[static_cast<std::size_t>(i)] = i * i % 7;
    ++expected[static_cast<std::size_t>(i * i % 7)];
  }
  DeviceBuffer<int> const dv(values);
  DeviceBuffer<unsigned> const counts(std::vector<unsigned>(7, 0));
  programs::histogram(dv.data(), n, counts.data());
  CHECK(counts.read() == expected);
  require_no_findings();
}

TEST_CASE("functions, constants and tables of branches work", "[emulator]") {
  int const n = 70;
  std::vector<double> x(n), table = {1.5, -2.0, 3.25, 0.0, 1e300, -0.0, 7.0, 0.1};
  std::vector<int> index(n);
  for (int i = 0; i < n; ++i) {
    x[static_cast<std::size_t>(i)] = 0.37 * i;
    index[static_cast<std::size_t>(i)] = i * 5 % 8;
  }
  DeviceBuffer<double> const dx(x), dy(n);
  DeviceBuffer<int> const di(index), chosen(std::vector<int>(n, 3));
  programs::power(dx.data(), dy.data(), n);
  auto const y = dy.read();
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const want = std::pow(x[i], 2.5);
    CHECK(std::fabs(y[i] - want) <= 4e-16 * want);  // nvcc's pow: 2 ulp
  }
  programs::set_table(table.data());
  programs::look_up(di.data(), dy.data(), n);
  auto const looked_up = dy.read();
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(looked_up[i] == table[static_cast<std::size_t>(index[i])]);
  }
  programs::choose(di.data(), chosen.data(), n);
  auto const c = chosen.read();
  for (int i = 0; i < n; ++i) {
    int const want[] = {7, 15, -1, i, i * i, 3 ^ 5, 100, 100};
    CHECK(c[static_cast<std::size_t>(i)] == want[index[static_cast<std::size_t>(i)]]);
  }
  require_no_findings();
}

TEST_CASE("the order of warps, lanes and blocks changes no bit", "[emulator]") {
  int const n = 40;
  std::size_t const size = static_cast<std::size_t>(n) * n;
  std::vector<float> x(size);
  for (std::size_t i = 0; i < size; ++i) { x[i] = std::sin(static_cast<float>(i)); }
  DeviceBuffer<float> const dx(x), product(size), sums(static_cast<std::size_t>(n));
  std::vector<float> first;
  for (unsigned seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    REQUIRE(emulator_client::set("SEED", seed));
    REQUIRE(emulator_client::set("INDEPENDENT", seed % 2));
    REQUIRE(emulator_client::set("THREADS", seed % 4));
    programs::multiply(dx.data(), dx.data(), product.data(), n);
    programs::sum_of_exponentials(product.data(), sums.data(), n, n);
    auto const got = sums.read();
    if (first.empty()) { first = got; }
    REQUIRE(std::memcmp(got.data(), first.data(), got.size() * sizeof(float)) == 0);
  }
  require_no_findings();
}
