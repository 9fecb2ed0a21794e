// What lanes do together: layouts of mma and ldmatrix on exact integers, shuffles, votes, cp.async.
#include "tests/emulator/programs/warp_wide.cuh"
#include "tests/catch.hpp"
#include "tests/emulator/device_buffer.cuh"
#include "tests/emulator/emulator.hpp"

#include <algorithm>
#include <random>

using programs::DeviceBuffer;

namespace {

std::vector<float> integers(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(n);
  for (float& v : values) { v = static_cast<float>(static_cast<int>(random() % 255) - 127); }
  return values;
}

using Product = void (*)(float const*, float const*, float const*, float*);

/// Numbers up to 127 and sums below 2^24: every format and every order of the sum is exact.
void check_product(Product product, std::size_t k) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    auto const a = integers(16 * k, seed), b = integers(k * 8, seed + 100),
               c = integers(128, seed + 200);
    DeviceBuffer<float> const da(a), db(b), dc(c), dd(128);
    product(da.data(), db.data(), dc.data(), dd.data());
    auto const d = dd.read();
    for (std::size_t row = 0; row < 16; ++row) {
      for (std::size_t column = 0; column < 8; ++column) {
        float sum = c[row * 8 + column];
        for (std::size_t i = 0; i < k; ++i) { sum += a[row * k + i] * b[i * 8 + column]; }
        CAPTURE(seed, row, column);
        REQUIRE(d[row * 8 + column] == sum);
      }
    }
  }
  CHECK(emulator_client::take_findings() == "");
}

std::vector<int> some_values() {
  std::vector<int> values(32);
  for (int i = 0; i < 32; ++i) { values[static_cast<std::size_t>(i)] = i * 7 % 11 - 2; }
  return values;
}

}  // namespace

TEST_CASE("mma.sync multiplies in every layout", "[emulator]") {
  check_product(programs::mma_tf32, 8);
  check_product(programs::mma_bf16_k16, 16);
  check_product(programs::mma_bf16_k8, 8);
  check_product(programs::mma_f16_k16, 16);
}

TEST_CASE("cp.async, ldmatrix and mma.sync work together", "[emulator]") {
  check_product(programs::mma_through_shared, 16);
}

TEST_CASE("tf32 products see eleven bits", "[emulator]") {
  std::vector<float> a(128, 0.0f), b(64, 0.0f), c(128, 0.0f);
  a[0] = 1.0f + 0x1p-11f;  // a tie: away from zero
  b[0] = 1.0f;
  a[8] = 1.0f + 0x1.8p-12f;
  DeviceBuffer<float> const da(a), db(b), dc(c), dd(128);
  programs::mma_tf32(da.data(), db.data(), dc.data(), dd.data());
  auto const d = dd.read();
  CHECK(d[0] == 1.0f + 0x1p-10f);
  CHECK(d[8] == 1.0f);
}

TEST_CASE("shuffles move values within their segments", "[emulator]") {
  auto const in = some_values();
  DeviceBuffer<int> const din(in), dout(128);
  for (int width : {32, 16, 8, 4}) {
    for (int by : {0, 1, 3, 5, 16, 31}) {
      CAPTURE(width, by);
      programs::shuffles(din.data(), dout.data(), by, width);
      auto const out = dout.read();
      for (int lane = 0; lane < 32; ++lane) {
        int const begin = lane / width * width, end = begin + width;
        auto value = [&](int from) {
          return in[static_cast<std::size_t>(from >= begin && from < end ? from : lane)];
        };
        auto got = [&](int mode) { return out[static_cast<std::size_t>(32 * mode + lane)]; };
        CHECK(got(0) == value(lane - by));
        CHECK(got(1) == value(lane + by));
        // xor may read an earlier segment, not a later one (CUDA C++ Programming Guide, warp
        // shuffles).
        CHECK(got(2) == ((lane ^ by) < end ? in[static_cast<std::size_t>(lane ^ by)]
                                           : in[static_cast<std::size_t>(lane)]));
        CHECK(got(3) == in[static_cast<std::size_t>(begin + by % width)]);
      }
    }
  }
  CHECK(emulator_client::take_findings() == "");
}

TEST_CASE("votes, reductions and matches of a warp", "[emulator]") {
  auto in = some_values();
  for (bool const equal : {false, true}) {
    if (equal) { std::fill(in.begin(), in.end(), 5); }
    DeviceBuffer<int> const din(in);
    DeviceBuffer<unsigned> const dout(12 * 32);
    programs::votes(din.data(), dout.data());
    auto const out = dout.read();
    unsigned above = 0, land = ~0u, lor = 0, lxor = 0;
    int sum = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      above |= unsigned(in[i] > 3) << i;
      sum += in[i];
      land &= unsigned(in[i]);
      lor |= unsigned(in[i]);
      lxor ^= unsigned(in[i]);
    }
    unsigned const least = unsigned(*std::min_element(in.begin(), in.end()));
    unsigned const most = unsigned(*std::max_element(in.begin(), in.end()));
    for (std::size_t lane = 0; lane < 32; ++lane) {
      CAPTURE(equal, lane);
      unsigned same = 0;
      for (std::size_t i = 0; i < 32; ++i) { same |= unsigned(in[i] == in[lane]) << i; }
      unsigned const want[] = {above,
                               0u,
                               unsigned(int(least) >= 0),
                               lane < 16 ? 0xffffu : 0u,
                               unsigned(sum),
                               least,
                               most,
                               land,
                               lor,
                               lxor,
                               same,
                               equal ? ~0u : 0u};
      for (std::size_t row = 0; row < 12; ++row) { CHECK(out[row * 32 + lane] == want[row]); }
    }
  }
  CHECK(emulator_client::take_findings() == "");
}

TEST_CASE("barriers count, and and or", "[emulator]") {
  for (int positive : {0, 1, 77, 95, 96}) {
    std::vector<int> in(96, 0);
    for (int i = 0; i < positive; ++i) { in[static_cast<std::size_t>(i * 5 % 96)] = 1; }
    DeviceBuffer<int> const din(in), dout(3);
    programs::barrier_votes(din.data(), dout.data(), 96);
    CHECK(dout.read() == std::vector<int>{positive, positive == 96, positive > 0});
  }
  CHECK(emulator_client::take_findings() == "");
}

TEST_CASE("cp.async fills with zeros what it does not read", "[emulator]") {
  auto const in = integers(12, 3);
  DeviceBuffer<float> const din(in), dout(12);
  for (int valid : {0, 4, 8, 12, 16}) {
    CAPTURE(valid);
    programs::async_copies(din.data(), dout.data(), valid);
    auto const out = dout.read();
    for (int copy = 0; copy < 3; ++copy) {
      for (int i = 0; i < 4; ++i) {
        std::size_t const at = static_cast<std::size_t>(4 * copy + i);
        int const size = 4 << copy;
        float const want = 4 * i >= size ? -1.0f : 4 * i < valid ? in[at] : 0.0f;
        CHECK(out[at] == want);
      }
    }
  }
  CHECK(emulator_client::take_findings() == "");
}
