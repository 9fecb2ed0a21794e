#include "data/records.hpp"

#include <cmath>
#include <numeric>

#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

using jetcal::test::seed_of;
using jetcal::test::uniform;

JetColumns columns(std::int64_t first_row, std::int64_t rows, std::size_t features) {
  JetColumns jets;
  jets.first_row = first_row;
  jets.rows = rows;
  for (std::size_t f = 0; f < features + 3; ++f) {
    auto column = uniform(rows, -9, 9, seed_of("records", static_cast<std::int64_t>(f)));
    if (f < features) {
      jets.features.push_back(std::move(column));
    } else if (f < features + 2) {
      jets.responses[f - features] = std::move(column);
    } else {
      jets.weights = std::move(column);
    }
  }
  jets.bins.resize(static_cast<std::size_t>(rows));
  std::iota(jets.bins.begin(), jets.bins.end(), -1);
  return jets;
}

Normalisation some_scaling(std::size_t features) {
  Normalisation scaling;
  for (std::size_t f = 0; f < features; ++f) {
    scaling.names.push_back("f" + std::to_string(f));
    scaling.scale.push_back(0.1f + 0.01f * static_cast<float>(f));
    scaling.offset.push_back(-0.7f * static_cast<float>(f));
  }
  return scaling;
}

TEST_CASE("a jet comes out of the records as it went in, in either direction", "[records]") {
  constexpr std::size_t kFeatures = 17;
  constexpr std::size_t kLd = 32;
  std::int64_t const far = 5000000000;  // a row number of more than 32 bits
  auto const jets = columns(far, 700, kFeatures);
  std::vector<std::int32_t> chosen;
  for (std::int32_t r = 0; r < 700; r += r % 3 + 1) { chosen.push_back(r); }
  auto const n = static_cast<std::int64_t>(chosen.size());
  REQUIRE(n > 256);  // more than one tile
  Normalisation const scaling = some_scaling(kFeatures);
  for (bool const weighted : {false, true}) {
    for (std::int64_t const step : {1, -1}) {
      for (bool const normalised : {false, true}) {
        Records records({kFeatures, weighted}, 1000);
        std::int64_t const first = step > 0 ? 5 : 999;
        records.pack(jets, chosen, normalised ? &scaling : nullptr, first, step);
        Batch batch;
        batch.resize(n + 1, kFeatures);
        std::fill(batch.features.begin(), batch.features.end(), jetcal::test::kGuard);
        for (std::int64_t i = 0; i < n; ++i) {
          records.prefetch(first + i * step);
          records.unpack(first + i * step, batch, i);
        }
        CAPTURE(weighted, step, normalised);
        std::int64_t bad = 0;
        for (std::size_t i = 0; i < chosen.size(); ++i) {
          auto const r = static_cast<std::size_t>(chosen[i]);
          for (std::size_t f = 0; f < kLd; ++f) {
            float want = 0;
            if (f < kFeatures) {
              want = jets.features[f][r];
              if (normalised) { want = std::fma(want, scaling.scale[f], scaling.offset[f]); }
            }
            bad += !(batch.features[i * kLd + f] == want);
          }
          bad += !(batch.targets[2 * i] == jets.responses[0][r]);
          bad += !(batch.targets[2 * i + 1] == jets.responses[1][r]);
          bad += !(batch.weights[i] == (weighted ? jets.weights[r] : 1.0f));
          bad += batch.bins[i] != jets.bins[r];
          bad += batch.row_numbers[i] != far + chosen[i];
        }
        CHECK(bad == 0);
        CHECK(jetcal::test::guard_untouched(batch.features, chosen.size() * kLd));
      }
    }
  }
}

// The sanitizers' allocators end the program instead of refusing.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("memory that cannot be had is an error that says how much", "[records]") {
  auto const text = jetcal::test::error_text<ConfigError>([] {
    Records({21, false}, std::int64_t{1} << 50);
  });
  CHECK(jetcal::test::has(text, "loader: the system refuses "));
  CHECK(jetcal::test::has(text, "for 1125899906842624 jets. Lower loader.memory_mib"));
}
#endif

TEST_CASE("records normalised in place are those normalised when packed", "[records]") {
  auto const jets = columns(0, 900, 5);
  std::vector<std::int32_t> all(900);
  std::iota(all.begin(), all.end(), 0);
  Normalisation const scaling = some_scaling(5);
  Records early({5, true}, 900), late({5, true}, 900);
  early.pack(jets, all, &scaling, 0, 1);
  late.pack(jets, all, nullptr, 0, 1);
  late.normalise(scaling, 100, 700);
  std::vector<float> a(900), b(900);
  for (std::int64_t f = 0; f < 5; ++f) {
    early.copy_feature(f, 0, 900, a.data());
    late.copy_feature(f, 0, 900, b.data());
    auto const& raw = jets.features[static_cast<std::size_t>(f)];
    CHECK((std::vector(b.begin(), b.begin() + 100) == std::vector(raw.begin(), raw.begin() + 100)));
    CHECK((std::vector(b.begin() + 100, b.begin() + 800) ==
           std::vector(a.begin() + 100, a.begin() + 800)));
    CHECK((std::vector(b.begin() + 800, b.end()) == std::vector(raw.begin() + 800, raw.end())));
  }
  early.copy_weights(0, 900, a.data());
  CHECK((a == jets.weights));
  Records({5, false}, 900).copy_weights(0, 900, a.data());
  CHECK((a == std::vector<float>(900, 1.0f)));
}

}  // namespace
}  // namespace jetcal::data
