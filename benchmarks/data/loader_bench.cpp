// Question: how fast does the loader hand out jets, against the rate at which the HDF5 library
// alone reads the same files from beginning to end, and does it keep to its memory?
//
//   loader_bench [--rows 20000000] [--memory-mib 512] [--packing gzip] [--threads 1,2] [--epochs 3]
//                [--mode streaming|resident] [--batch 15000] [--folder DIR] [--json]
//
// Makes its shards in a scratch folder: the jets of data/sample again and again, 33 fields, 1 M
// rows a file, copies of one another. The library reads whole chunks, which is all that it can do
// with a compound type. Files come from the page cache: disks are not what is measured.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "data/jet_reader.hpp"
#include "data/loader.hpp"
#include "data/table_writer.hpp"

namespace jetcal::data {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kShardRows = 1000000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Processor time of all threads: what a busy machine does not change.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double memory_mib(std::string const& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key, 0) == 0) { return std::stod(line.substr(key.size() + 1)) / 1024; }
  }
  return 0;
}

/// The jets of the sample, over and over, in one shard.
void write_shard(std::string const& path, std::string const& sample, std::int64_t rows,
                 TablePacking packing) {
  JetReaderSetup setup;
  setup.files = {sample};
  setup.rows = true;
  JetReader const reader(setup);
  TableWriter writer(path, reader.shards().form(), {}, packing);
  JetBlock block;
  for (std::int64_t i = 0; rows > 0; i = (i + 1) % reader.blocks()) {
    reader.read(i, block);
    std::int64_t const n = std::min(rows, block.rows);
    writer.append(block.row_bytes.data(), n);
    rows -= n;
  }
  writer.close();
}

std::string make_shards(fs::path const& folder, std::string const& sample, std::int64_t rows,
                        TablePacking packing) {
  fs::path const first = folder / "shard_0000.h5";
  write_shard(first, sample, std::min(rows, kShardRows), packing);
  for (std::int64_t i = 1; i * kShardRows < rows; ++i) {
    char name[32];
    std::snprintf(name, sizeof name, "shard_%04lld.h5", static_cast<long long>(i));
    std::int64_t const left = rows - i * kShardRows;
    if (left >= kShardRows) {
      fs::copy_file(first, folder / name);
    } else {
      write_shard(folder / name, sample, left, packing);
    }
  }
  return folder / "shard_*.h5";
}

/// Rows a second of H5Dread, chunk by chunk.
double library_rate(ShardSet const& shards) {
  auto const start = Clock::now();
  std::vector<std::uint8_t> rows;
  for (Shard const& shard : shards.shards()) {
    Hdf5Scope const scope;
    OpenShard const open = open_shard(shard.path);
    Hid const space(H5Dget_space(open.jets), H5Sclose);
    for (std::int64_t first = 0; first < shard.rows; first += shard.chunk_rows) {
      hsize_t const begin = static_cast<hsize_t>(first);
      hsize_t const count = static_cast<hsize_t>(std::min(shard.chunk_rows, shard.rows - first));
      rows.resize(static_cast<std::size_t>(count) * shard.row_bytes);
      Hid const memory(H5Screate_simple(1, &count, nullptr), H5Sclose);
      H5Sselect_hyperslab(space, H5S_SELECT_SET, &begin, nullptr, &count, nullptr);
      JETCAL_REQUIRE(H5Dread(open.jets, open.type, memory, space, H5P_DEFAULT, rows.data()) >= 0,
                     DataError, shard.path << ": " << hdf5_reason());
    }
  }
  return static_cast<double>(shards.rows()) / seconds_since(start);
}

LoaderSetup paper_setup(std::string const& shards, LoaderConfig const& loader, std::int64_t batch,
                        int threads) {
  LoaderSetup setup;
  setup.data.train = {shards};
  setup.data.validation_fraction = 0.04;
  setup.features = {{"energy", "energy", "GeV", Transform::log, 0},
                    {"mass", "mass", "GeV", Transform::log_floor, 40}};
  for (char const* const name :
       {"eta", "groomMRatio", "Width", "Split12", "Split23", "C2", "D2", "Tau21_wta", "Tau32_wta",
        "Qw", "EMFrac", "EM3Frac", "Tile0Frac", "EffNConsts", "NeutralEFrac", "ChargePTFrac",
        "ChargeMFrac", "averageMu", "NPV"}) {
    setup.features.push_back({name, name, "", Transform::none, 0});
  }
  setup.targets = {{"energy", {"energy", "truth_energy"}}, {"mass", {"mass", "truth_mass"}}};
  setup.bins.pt_true = {200, 500, 1000, 4500};
  setup.bins.abs_eta_true = {0, 0.8, 2};
  setup.loader = loader;
  setup.largest_batch = batch;
  setup.threads = threads;
  return setup;
}

/// The checks that what is timed is right: every training jet once, batches of the size asked for.
struct EpochCheck {
  std::int64_t rows = 0;
  std::int64_t row_sum = 0;

  void add(Batch const& batch) {
    rows += batch.rows;
    for (std::int64_t const row : batch.row_numbers) { row_sum += row; }
  }
};

struct Options {
  std::int64_t rows = 20000000;
  LoaderConfig loader{512, LoaderMode::streaming};
  TablePacking packing = TablePacking::gzip;
  std::vector<int> threads{1, 2};
  int epochs = 3;
  std::int64_t batch = 15000;
  bool json = false;
};

void measure(std::string const& shards, Options const& options) {
  double const library_cpu_start = cpu_seconds();
  double const library = library_rate(ShardSet({shards}, {}, "shards"));
  double const mega_rows = static_cast<double>(options.rows) / 1e6;
  std::printf("HDF5 library alone, 1 thread: %.2f M rows/s, %.2f s of processor time a M rows\n",
              library / 1e6, (cpu_seconds() - library_cpu_start) / mega_rows);
  std::printf("%8s %10s %10s %10s %10s %14s %10s %12s\n", "threads", "scan [s]", "M jets/s",
              "slowest", "/ library", "CPU s/M jets", "peak [MiB]", "budget [MiB]");
  for (int const threads : options.threads) {
    double const before = memory_mib("VmRSS");
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak starts anew
    auto start = Clock::now();
    Loader loader(paper_setup(shards, options.loader, options.batch, threads), std::nullopt);
    double const scan = seconds_since(start);

    std::vector<double> rates;
    std::int64_t row_sum = -1;
    Batch batch;
    double cpu = 0;
    for (int epoch = -1; epoch < options.epochs; ++epoch) {  // the first one warms up
      EpochCheck check;
      start = Clock::now();
      double const cpu_start = cpu_seconds();
      loader.start_epoch(0, epoch + 1, options.batch, 0);
      while (loader.next(batch)) { check.add(batch); }
      if (epoch >= 0) { cpu += cpu_seconds() - cpu_start; }
      if (epoch >= 0) { rates.push_back(static_cast<double>(check.rows) / seconds_since(start)); }
      JETCAL_REQUIRE(
          check.rows == loader.training_rows() && (row_sum < 0 || check.row_sum == row_sum), Error,
          "loader_bench: an epoch has other jets than it must");
      row_sum = check.row_sum;
    }
    std::sort(rates.begin(), rates.end());
    double const rate = rates[rates.size() / 2];
    double const peak = memory_mib("VmHWM") - before;
    cpu /= 1e-6 * static_cast<double>(loader.training_rows() * options.epochs);
    std::printf("%8d %10.2f %10.2f %10.2f %10.2f %14.3f %10.0f %12lld\n", threads, scan, rate / 1e6,
                rates.front() / 1e6, rate / library, cpu, peak,
                static_cast<long long>(options.loader.memory_mib));
    if (options.json) {
      std::printf(
          "{\"rows\": %lld, \"mode\": \"%s\", \"threads\": %d, \"jets_per_s\": %.0f, \"slowest\": "
          "%.0f, \"cpu_s_per_jet\": %.4g, \"library_rows_per_s\": %.0f, \"scan_s\": %.2f, "
          "\"peak_mib\": %.1f, "
          "\"budget_mib\": %lld}\n",
          static_cast<long long>(options.rows), loader.resident() ? "resident" : "streaming",
          threads, rate, rates.front(), cpu / 1e6, library, scan, peak,
          static_cast<long long>(options.loader.memory_mib));
    }
    std::fflush(stdout);
  }
}

int run(int argc, char** argv) {
  Options options;
  std::string folder, sample = JETCAL_SAMPLE_DIR "/dijets_*.h5";
  CLI::App app("Speed and memory of the loader");
  app.add_option("--rows", options.rows)->check(CLI::PositiveNumber);
  app.add_option("--memory-mib", options.loader.memory_mib);
  app.add_option("--packing", options.packing)
      ->transform(CLI::CheckedTransformer(std::map<std::string, TablePacking>{
          {"gzip", TablePacking::gzip}, {"lz4", TablePacking::lz4}, {"none", TablePacking::none}}));
  app.add_option("--mode", options.loader.mode)
      ->transform(CLI::CheckedTransformer(std::map<std::string, LoaderMode>{
          {"streaming", LoaderMode::streaming}, {"resident", LoaderMode::resident}}));
  app.add_option("--threads", options.threads)->delimiter(',');
  app.add_option("--epochs", options.epochs)->check(CLI::PositiveNumber);
  app.add_option("--batch", options.batch)->check(CLI::PositiveNumber);
  app.add_option("--folder", folder, "where the scratch folder is made");
  app.add_option("--sample", sample, "shards whose jets are repeated");
  app.add_flag("--json", options.json, "one JSON line a measurement, too");
  CLI11_PARSE(app, argc, argv);

#ifndef NDEBUG
  std::fprintf(stderr,
               "loader_bench: a debug build says nothing about speed. Build with Release\n");
  return 1;
#endif
  std::string scratch =
      ((folder.empty() ? fs::temp_directory_path() : fs::path(folder)) / "loader-XXXXXX").string();
  if (!mkdtemp(scratch.data())) {
    std::fprintf(stderr, "loader_bench: no scratch folder can be made at %s\n", scratch.c_str());
    return 1;
  }
  int status = 0;
  try {
    measure(make_shards(scratch, sample, options.rows, options.packing), options);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "loader_bench: %s\n", error.what());
    status = 1;
  }
  fs::remove_all(scratch);
  return status;
}

}  // namespace
}  // namespace jetcal::data

int main(int argc, char** argv) { return jetcal::data::run(argc, argv); }
