#include "data/loader.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <set>

#include "data/normalisation.hpp"
#include "data/split.hpp"
#include "data/table_writer.hpp"
#include "engine/errors.hpp"
#include "engine/matrix.hpp"
#include "tests/catch.hpp"
#include "tests/data/toy_setup.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

using namespace jetcal::data::test;
using jetcal::test::ScratchFolder;

constexpr std::int64_t kJets = 9101;

struct ToyLoader {
  ScratchFolder folder;
  LoaderSetup setup = toy_setup(write_toy_shards(folder.path(), {3000, 2501, 3600}, 300));

  Loader make(LoaderMode mode, int threads = 1) {
    setup.loader = {64, mode};
    setup.threads = threads;
    return Loader(setup, std::nullopt);
  }
};

LoaderMode const kModes[] = {LoaderMode::resident, LoaderMode::streaming};

// The reference: row by row from the numbers the files were made of, logarithms in long double.
struct Reference {
  std::vector<TestField> fields = toy_fields(0, kJets);

  double value(std::string const& name, std::int64_t row) {
    return static_cast<float>(field(fields, name).values[static_cast<std::size_t>(row)]);
  }
  std::vector<float> features(std::int64_t row) {
    auto const log = [](long double v) { return static_cast<float>(std::log(v)); };
    return {log(value("energy", row) / 1000), log(std::max(value("mass", row) / 1000, 40.0)),
            static_cast<float>(value("eta", row)), static_cast<float>(value("D2", row))};
  }
  float response(std::string const& name, std::int64_t row) {
    return static_cast<float>(value(name, row) / value("truth_" + name, row));
  }
  bool held_out(std::int64_t row) {
    return SplitRule{0.2, "eventNumber", 0}.holds_out(1000000 + row / 2);
  }
  std::int32_t bin(std::int64_t row) {
    double const pt = value("truth_pt", row) / 1000, eta = std::abs(value("truth_eta", row));
    if (pt < 200 || pt >= 1500 || eta >= 2) { return -1; }
    return (pt >= 500 ? 2 : 0) + (eta >= 1 ? 1 : 0);
  }
};

TEST_CASE("every value of every batch is what the files say", "[loader]") {
  ToyLoader toy;
  Reference want;
  for (LoaderMode const mode : kModes) {
    Loader loader = toy.make(mode);
    CHECK(loader.resident() == (mode == LoaderMode::resident));
    Normalisation const& n = loader.normalisation();
    auto batches = epoch(loader, 0, 0, 512);
    auto const validation = held_out(loader, 512);
    batches.insert(batches.end(), validation.begin(), validation.end());
    std::int64_t bad_features = 0, bad_rest = 0, binned = 0;
    std::size_t const ld = padded(4);
    for (Batch const& batch : batches) {
      REQUIRE(batch.features.size() == static_cast<std::size_t>(batch.rows) * ld);
      for (std::size_t r = 0; r < static_cast<std::size_t>(batch.rows); ++r) {
        std::int64_t const row = batch.row_numbers[r];
        auto const features = want.features(row);
        for (std::size_t f = 0; f < ld; ++f) {
          float const v = f < 4 ? std::fma(features[f], n.scale[f], n.offset[f]) : 0.0f;
          bad_features += !(batch.features[r * ld + f] == v);
        }
        bad_rest += !(batch.targets[2 * r] == want.response("energy", row));
        bad_rest += !(batch.targets[2 * r + 1] == want.response("mass", row));
        bad_rest += !(batch.weights[r] == 1);
        bad_rest += !(batch.bins[r] == want.bin(row));
        binned += batch.bins[r] >= 0;
      }
    }
    CHECK(bad_features == 0);
    CHECK(bad_rest == 0);
    CHECK(binned > 1000);
    CHECK(binned < kJets - 1000);
  }
}

TEST_CASE("an epoch has every training jet once, validation every other, in order", "[loader]") {
  ToyLoader toy;
  Reference want;
  for (LoaderMode const mode : kModes) {
    Loader loader = toy.make(mode);
    for (std::int64_t const batch_size : {1000, 997, 20000}) {
      auto const batches = epoch(loader, 1, 2, batch_size);
      CHECK(static_cast<std::int64_t>(batches.size()) == loader.training_batches(batch_size));
      for (std::size_t i = 0; i + 1 < batches.size(); ++i) { CHECK(batches[i].rows == batch_size); }
      auto training = row_numbers(batches);
      CHECK(static_cast<std::int64_t>(training.size()) == loader.training_rows());
      CHECK_FALSE(std::is_sorted(training.begin(), training.end()));
      std::sort(training.begin(), training.end());
      auto const validation = row_numbers(held_out(loader, batch_size));
      CHECK(static_cast<std::int64_t>(validation.size()) == loader.validation_rows());
      CHECK(std::is_sorted(validation.begin(), validation.end()));
      std::vector<std::int64_t> want_training, want_validation;
      for (std::int64_t row = 0; row < kJets; ++row) {
        (want.held_out(row) ? want_validation : want_training).push_back(row);
      }
      CHECK((training == want_training));
      CHECK((validation == want_validation));
    }
    CHECK(20 * loader.validation_rows() > 3 * kJets);
  }
}

TEST_CASE("an epoch is shuffled well, and otherwise for each seed, step and epoch", "[loader]") {
  ToyLoader toy;
  for (LoaderMode const mode : kModes) {
    std::set<std::vector<std::int64_t>> orders;
    for (std::uint64_t const seed : {1, 2}) {
      toy.setup.seed = seed;
      Loader loader = toy.make(mode);
      for (std::int64_t const step : {0, 1}) {
        for (std::int64_t const e : {0, 1}) {
          orders.insert(row_numbers(epoch(loader, step, e, 500)));
        }
      }
    }
    CHECK(orders.size() == 8);
    for (auto const& order : orders) {
      // Here a window holds all: a jet's place says nothing about its row. Correlation below 4
      // sigma.
      double const n = static_cast<double>(order.size());
      double sum = 0, sum_rows = 0, sum_squares = 0;
      for (std::size_t i = 0; i < order.size(); ++i) {
        double const row = static_cast<double>(order[i]);
        sum += row * (static_cast<double>(i) - (n - 1) / 2);
        sum_rows += row;
        sum_squares += row * row;
      }
      double const variance = sum_squares / n - (sum_rows / n) * (sum_rows / n);
      double const correlation = sum / n / std::sqrt(variance * (n * n - 1) / 12);
      CHECK(std::abs(correlation) < 4 / std::sqrt(n));
    }
  }
}

TEST_CASE("any batch can be the first", "[loader]") {
  ToyLoader toy;
  for (LoaderMode const mode : kModes) {
    Loader loader = toy.make(mode);
    auto const whole = epoch(loader, 3, 1, 700);
    REQUIRE(whole.size() == 11);
    for (std::size_t k = 0; k <= whole.size(); ++k) {
      CAPTURE(k);
      auto const rest = epoch(loader, 3, 1, 700, static_cast<std::int64_t>(k));
      CHECK(same_bits(rest,
                      std::vector(whole.begin() + static_cast<std::ptrdiff_t>(k), whole.end())));
    }
    auto const text =
        jetcal::test::error_text<ConfigError>([&] { loader.start_epoch(3, 1, 700, 12); });
    CHECK(jetcal::test::has(text, "first batch is 12 (must be from 0 to 11"));
  }
}

TEST_CASE("threads never change a bit; nor does a second object with a known normalisation",
          "[loader]") {
  ToyLoader toy;
  toy.setup.data.weight = "weight";
  for (LoaderMode const mode : kModes) {
    Loader one = toy.make(mode, 1);
    auto const training = epoch(one, 0, 0, 333);
    auto const validation = held_out(one, 333);
    for (int const threads : {2, 3, 7}) {
      Loader many = toy.make(mode, threads);
      CHECK(many.digest() == one.digest());
      CHECK(many.normalisation().scale == one.normalisation().scale);
      CHECK(same_bits(epoch(many, 0, 0, 333), training));
      CHECK(same_bits(held_out(many, 333), validation));
    }
    Loader resumed(toy.setup, one.normalisation());
    CHECK(same_bits(epoch(resumed, 0, 0, 333), training));
  }
}

TEST_CASE("the split knows neither shards nor their order", "[loader]") {
  ScratchFolder const many, one, reversed;
  write_toy_shards(many.path(), {500, 1500, 1000});
  write_toy_shards(one.path(), {3000});
  FileForm form;
  form.units = kToyUnits;
  write_file(reversed / "toy_0.h5", toy_fields(2000, 1000), form);
  write_file(reversed / "toy_1.h5", toy_fields(0, 2000), form);
  auto const held = [](ScratchFolder const& folder, std::int64_t shift) {
    Loader loader(toy_setup(folder / "toy_*.h5"), std::nullopt);
    std::set<std::int64_t> jets;
    for (std::int64_t const row : row_numbers(held_out(loader, 100))) {
      jets.insert((row + shift) % 3000);
    }
    return jets;
  };
  auto const want = held(one, 0);
  CHECK(want.size() > 450);
  CHECK(held(many, 0) == want);
  CHECK(held(reversed, 2000) == want);
  for (std::int64_t const jet : want) { CHECK(want.count(jet ^ 1) == 1); }  // both jets of an event
}

TEST_CASE("normalisation is that of sorted training jets, in both modes, weighted or not",
          "[loader]") {
  ToyLoader toy;
  Reference want;
  for (bool const weighted : {false, true}) {
    if (weighted) { toy.setup.data.weight = "weight"; }
    Normalisation found[2];
    for (LoaderMode const mode : kModes) {
      found[mode == LoaderMode::streaming] = toy.make(mode).normalisation();
    }
    CHECK(found[0].names == std::vector<std::string>{"log_energy", "log_mass", "eta", "D2"});
    CHECK(found[0].scale == found[1].scale);
    CHECK(found[0].offset == found[1].offset);
    for (std::size_t f = 0; f < 4; ++f) {
      std::vector<std::pair<float, double>> column;
      double total = 0;
      for (std::int64_t row = 0; row < kJets; ++row) {
        if (want.held_out(row)) { continue; }
        column.push_back({want.features(row)[f], weighted ? want.value("weight", row) : 1});
        total += column.back().second;
      }
      std::sort(column.begin(), column.end());
      auto const quantile = [&](double share) {
        double sum = 0;
        std::size_t i = 0;
        for (; i < column.size() && sum < share * total; ++i) { sum += column[i].second; }
        return column[i - 1].first;
      };
      double const lo = quantile(0.001), hi = quantile(0.999);
      CAPTURE(weighted, f, lo, hi);
      CHECK(found[0].scale[f] == static_cast<float>(2 / (hi - lo)));
      CHECK(found[0].offset[f] == static_cast<float>(-(hi + lo) / (hi - lo)));
    }
  }
}

TEST_CASE("weights of jets, targets that are missing, bins that are not asked for", "[loader]") {
  ToyLoader toy;
  Reference want;
  toy.setup.data.weight = "weight";
  toy.setup.targets.erase("energy");
  toy.setup.bins = {};
  toy.setup.data.validation_fraction = 0;
  toy.setup.data.group = "no_such_field";  // not needed
  for (LoaderMode const mode : kModes) {
    Loader loader = toy.make(mode);
    CHECK(loader.validation_rows() == 0);
    CHECK(held_out(loader, 100).empty());
    auto const batches = epoch(loader, 0, 0, 5000);
    CHECK(row_numbers(batches).size() == kJets);
    bool good = true;
    for (Batch const& b : batches) {
      for (std::size_t r = 0; r < b.row_numbers.size(); ++r) {
        std::int64_t const row = b.row_numbers[r];
        good = good && b.weights[r] == want.value("weight", row) && b.targets[2 * r] == 1 &&
               b.targets[2 * r + 1] == want.response("mass", row) && b.bins[r] == -1;
      }
    }
    CHECK(good);
  }
}

TEST_CASE("truth in another unit than the reconstructed value", "[loader]") {
  ScratchFolder const folder;
  auto fields = toy_fields(0, 100);
  for (auto const* name : {"truth_energy", "truth_pt"}) {
    for (double& v : field(fields, name).values) { v = static_cast<float>(v) / 1000; }
    field(fields, name).type = kFloat64;
  }
  std::string units = kToyUnits;
  for (std::string const name : {"\"truth_energy\":\"MeV\"", "\"truth_pt\":\"MeV\""}) {
    units.replace(units.find(name) + name.size() - 4, 1, "G");
  }
  FileForm form;
  form.units = units;
  write_file(folder / "toy_0.h5", fields, form);
  auto setup = toy_setup(folder / "toy_0.h5");
  setup.data.validation_fraction = 0;
  Loader loader(setup, std::nullopt);
  Reference want;
  auto const batches = epoch(loader, 0, 0, 100);
  for (std::size_t r = 0; r < 100; ++r) {
    std::int64_t const row = batches[0].row_numbers[r];
    CHECK(batches[0].targets[2 * r] == Approx(want.response("energy", row)).epsilon(1e-7));
    CHECK(batches[0].bins[r] == want.bin(row));
  }
}

TEST_CASE("starting something else ends what was under way", "[loader]") {
  ToyLoader toy;
  for (LoaderMode const mode : kModes) {
    Loader loader = toy.make(mode);
    Batch batch;
    CHECK_THROWS_AS(loader.next(batch), Error);
    auto const want = epoch(loader, 0, 1, 100);
    auto const want_validation = held_out(loader, 100);
    for (int i = 0; i < 20; ++i) {
      loader.start_epoch(0, 0, 100, 0);
      for (int k = 0; k < i % 3; ++k) { loader.next(batch); }
      loader.start_validation(100);
      CHECK_THROWS_AS(loader.next(batch), Error);
    }
    CHECK(same_bits(held_out(loader, 100), want_validation));
    CHECK_THROWS_AS(loader.next(batch), Error);
    CHECK(same_bits(epoch(loader, 0, 1, 100), want));
    Loader moved = std::move(loader);
    CHECK(same_bits(epoch(moved, 0, 1, 100), want));
    moved.start_epoch(0, 0, 100, 0);  // and is destroyed in the middle
  }
}

TEST_CASE("where a row is, what was opened, what it is made of", "[loader]") {
  ToyLoader toy;
  std::string digest;
  {
    Loader loader = toy.make(LoaderMode::automatic);
    CHECK(loader.resident());
    CHECK(loader.n_features() == 4);
    CHECK(loader.bins().count() == 4);
    CHECK(loader.where(3000) == "toy_1.h5 row 0");
    REQUIRE(loader.shards().size() == 3);
    CHECK(loader.shards()[1].rows == 2501);
    CHECK(loader.shards()[1].bytes > 10000);
    REQUIRE(loader.notes().size() == 2);
    CHECK(loader.notes()[0].rfind("9101 jets in 3 shards: ", 0) == 0);
    CHECK(loader.notes()[1].rfind("resident: all jets in memory, at most ", 0) == 0);
    CHECK(toy.make(LoaderMode::streaming).notes()[1].rfind("streaming: windows of ", 0) == 0);

    CHECK(loader.digest().size() == 32);
    digest = loader.digest();
    CHECK(toy.make(LoaderMode::streaming).digest() == digest);
  }
  auto fields = toy_fields(3000, 2501);
  field(fields, "D2").values[1234] *= 1.001;
  FileForm form;
  form.units = kToyUnits;
  form.chunk_rows = 300;
  write_file(toy.folder / "toy_1.h5", fields, form);
  CHECK(toy.make(LoaderMode::resident).digest() != digest);
}

// Sanitizers keep freed memory and add their own: only a plain build says what the loader takes.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Peak memory of a child process that streams an epoch and validates, beyond what it had before.
std::int64_t peak_growth_mib(LoaderSetup const& setup) {
  int answer[2];
  REQUIRE(pipe(answer) == 0);
  pid_t const child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto const status_kib = [](std::string const& key) {
      std::ifstream status("/proc/self/status");
      for (std::string line; std::getline(status, line);) {
        if (line.rfind(key, 0) == 0) { return std::stoll(line.substr(key.size() + 1)); }
      }
      return 0LL;
    };
    long long const before = status_kib("VmRSS");
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak starts anew
    Loader loader(setup, std::nullopt);
    Batch batch;
    std::int64_t rows = 0;
    loader.start_epoch(0, 0, 1000, 0);
    while (loader.next(batch)) { rows += batch.rows; }
    loader.start_validation(1000);
    while (loader.next_validation(batch)) { rows += batch.rows; }
    long long growth = (status_kib("VmHWM") - before) / 1024;
    if (rows != loader.training_rows() + loader.validation_rows()) { growth = -1; }
    if (write(answer[1], &growth, sizeof growth) != sizeof growth) { _exit(1); }
    _exit(0);
  }
  long long growth = -2;
  CHECK(read(answer[0], &growth, sizeof growth) == sizeof growth);
  close(answer[0]);
  close(answer[1]);
  waitpid(child, nullptr, 0);
  return growth;
}

TEST_CASE("streaming keeps to its memory, where all jets would need four times as much",
          "[loader]") {
  ScratchFolder const folder;
  constexpr std::size_t kRows = 1500000;
  std::vector<Column> columns;
  for (auto const* name : {"energy", "mass", "truth_energy", "truth_mass", "eta"}) {
    std::vector<float> values(kRows);
    for (std::size_t i = 0; i < kRows; ++i) {
      values[i] = 1 + 1e-3f * static_cast<float>(i * 2654435761u % 4093);
    }
    columns.push_back({name, "1", std::move(values)});
  }
  std::vector<std::int64_t> events(kRows);
  std::iota(events.begin(), events.end(), 0);
  columns.push_back({"eventNumber", "1", std::move(events)});
  write_jets(folder / "many.h5", columns);

  LoaderSetup setup = toy_setup(folder / "many.h5");
  setup.bins = {};
  setup.features = {{"energy", "energy", "", Transform::log, 0},
                    {"mass", "mass", "", Transform::none, 0},
                    {"eta", "eta", "", Transform::none, 0}};
  setup.largest_batch = 1000;
  setup.loader = {16, LoaderMode::streaming};
  std::int64_t const streaming = peak_growth_mib(setup);
  CHECK(streaming > 0);
  CHECK(streaming <= 16 + 4);  // and what malloc and the HDF5 library keep for themselves
  setup.loader = {64, LoaderMode::resident};
  std::int64_t const resident = peak_growth_mib(setup);
  CHECK(resident > 40);  // the measurement can tell
  CHECK(resident <= 64 + 4);
  setup.loader = {40, LoaderMode::resident};
  CHECK_THROWS_AS(Loader(setup, std::nullopt), ConfigError);
}
#endif

}  // namespace
}  // namespace jetcal::data
