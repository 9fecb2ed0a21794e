#pragma once

// A loader's setup over toy shards (tests/data/shard_files.hpp), and what it must give.

#include <filesystem>
#include <string>
#include <vector>

#include "data/loader.hpp"
#include "tests/data/shard_files.hpp"
#include "tests/scratch_folder.hpp"

namespace jetcal::data::test {

inline std::vector<FeatureConfig> toy_features() {
  return {{"log_energy", "energy", "GeV", Transform::log, 0},
          {"log_mass", "mass", "GeV", Transform::log_floor, 40},
          {"eta", "eta", "1", Transform::none, 0},
          {"D2", "D2", "", Transform::abs, 0}};
}

inline LoaderSetup toy_setup(std::string const& shards) {
  LoaderSetup setup;
  setup.data.train = {shards};
  setup.data.validation_fraction = 0.2;
  setup.features = toy_features();
  setup.targets = {{"energy", {"energy", "truth_energy"}}, {"mass", {"mass", "truth_mass"}}};
  setup.bins.pt_true = {200, 500, 1500};
  setup.bins.abs_eta_true = {0, 1, 2};
  return setup;
}

/// Toy jets 0 .. sum(rows) - 1 in shards toy_0.h5, toy_1.h5, ... of so many rows.
inline std::string write_toy_shards(std::filesystem::path const& folder,
                                    std::vector<std::int64_t> const& rows,
                                    std::int64_t chunk_rows = 1000) {
  std::int64_t first = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    FileForm form;
    form.units = kToyUnits;
    form.chunk_rows = chunk_rows;
    write_file(folder / ("toy_" + std::to_string(i) + ".h5"), toy_fields(first, rows[i]), form);
    first += rows[i];
  }
  return folder / "toy_*.h5";
}

/// All batches of an epoch, or of the held-out jets.
inline std::vector<Batch> epoch(Loader& loader, std::int64_t step, std::int64_t epoch_index,
                                std::int64_t batch_size, std::int64_t first_batch = 0) {
  std::vector<Batch> out;
  loader.start_epoch(step, epoch_index, batch_size, first_batch);
  for (Batch batch; loader.next(batch);) { out.push_back(batch); }
  return out;
}

inline std::vector<Batch> held_out(Loader& loader, std::int64_t batch_size) {
  std::vector<Batch> out;
  loader.start_validation(batch_size);
  for (Batch batch; loader.next_validation(batch);) { out.push_back(batch); }
  return out;
}

inline std::vector<std::int64_t> row_numbers(std::vector<Batch> const& batches) {
  std::vector<std::int64_t> out;
  for (Batch const& b : batches) {
    out.insert(out.end(), b.row_numbers.begin(), b.row_numbers.end());
  }
  return out;
}

inline bool same_bits(Batch const& a, Batch const& b) {
  auto const words = [](std::vector<float> const& v) {
    std::vector<std::uint32_t> out;
    for (float const x : v) { out.push_back(std::bit_cast<std::uint32_t>(x)); }
    return out;
  };
  return a.rows == b.rows && words(a.features) == words(b.features) &&
         words(a.targets) == words(b.targets) && words(a.weights) == words(b.weights) &&
         a.bins == b.bins && a.row_numbers == b.row_numbers;
}

inline bool same_bits(std::vector<Batch> const& a, std::vector<Batch> const& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) { same = same_bits(a[i], b[i]); }
  return same;
}

}  // namespace jetcal::data::test
