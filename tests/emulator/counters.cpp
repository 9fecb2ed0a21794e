// Counters of executed instructions and memory transactions.
#include "tests/emulator/counters.hpp"

#include <nlohmann/json.hpp>

#include "tests/emulator/execute/program.hpp"
#include "tests/emulator/settings.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <utility>

namespace emulator {

constexpr std::array<char const*, static_cast<std::size_t>(Call::count)> kCallNames = {
    "allocations",     "waits",          "event_waits",       "pageable_copies",
    "kernel_launches", "graph_launches", "overlapping_copies"};

char const* name_of(Class c) {
  static constexpr std::array<char const*, static_cast<std::size_t>(Class::count)> kNames = {
      "mma",         "fma",        "arithmetic",  "special",      "integer",     "compare",
      "convert",     "move",       "load_global", "store_global", "load_shared", "store_shared",
      "load_matrix", "copy_async", "load_local",  "store_local",  "load_param",  "atomic",
      "warp",        "barrier",    "control"};
  return kNames[static_cast<std::size_t>(c)];
}

void InstructionCounter::add(InstructionCounter const& other) {
  warps += other.warps;
  threads += other.threads;
  bytes += other.bytes;
  transactions += other.transactions;
  least += other.least;
}

void count_global(InstructionCounter& counter, u64 const* addresses, Lanes lanes, int bytes) {
  std::array<u64, kWarpSize> sectors{};
  std::size_t count = 0;
  bool sorted = true;
  each_lane(lanes, [&](int lane) {
    u64 const sector = addresses[lane] / 32;  // an aligned access of up to 16 bytes lies in one
    if (count != 0 && sectors[count - 1] == sector) { return; }
    sorted = sorted && (count == 0 || sectors[count - 1] < sector);
    sectors[count++] = sector;
  });
  if (!sorted) {
    std::sort(sectors.begin(), sectors.begin() + static_cast<s64>(count));
    count = static_cast<std::size_t>(
        std::unique(sectors.begin(), sectors.begin() + static_cast<s64>(count)) - sectors.begin());
  }
  u64 const wanted = static_cast<u64>(std::popcount(lanes)) * static_cast<u64>(bytes);
  counter.bytes += wanted;
  counter.transactions += count;
  counter.least += std::min<u64>(count, (wanted + 31) / 32);  // fewer if lanes share a word
}

void count_shared(InstructionCounter& counter, u64 const* addresses, Lanes lanes, int bytes) {
  int const words_each = std::max(1, bytes / 4);
  int const group = kWarpSize / words_each;
  for (int begin = 0; begin < kWarpSize; begin += group) {
    std::array<std::array<u64, kWarpSize>, kWarpSize> words;  // distinct ones of each bank
    std::array<u8, kWarpSize> in_bank{};
    u8 waves = 0;
    for (int lane = begin; lane < begin + group; ++lane) {
      if ((lanes >> lane & 1) == 0) { continue; }
      for (int i = 0; i < words_each; ++i) {
        u64 const word = addresses[lane] / 4 + static_cast<u64>(i);
        auto& bank = words[word % kWarpSize];
        u8& count = in_bank[word % kWarpSize];
        if (std::find(bank.begin(), bank.begin() + count, word) != bank.begin() + count) {
          continue;
        }
        bank[count++] = word;
        waves = std::max(waves, count);
      }
    }
    counter.transactions += waves;
    counter.least += waves != 0;
  }
  counter.bytes += static_cast<u64>(std::popcount(lanes)) * static_cast<u64>(bytes);
}

Counters& Counters::all() {
  static auto* counters = new Counters;  // used until the very end of the process
  return *counters;
}

void Counters::OfKernel::add(LaunchCounters const& launch) {
  table.resize(std::max(table.size(), launch.table.size()));
  for (std::size_t i = 0; i < launch.table.size(); ++i) { table[i].add(launch.table[i]); }
  ++launches;
  blocks += launch.blocks;
  threads += launch.blocks * launch.threads_per_block;
  distinct_read += launch.distinct_read;
  distinct_written += launch.distinct_written;
}

void Counters::add_launch(Kernel const& kernel, LaunchCounters launch) {
  std::scoped_lock const lock(mutex_);
  kernels_[&kernel].add(launch);
  if (settings().launches) { launches_.emplace_back(&kernel, std::move(launch)); }
}

void Counters::add_call(Call call) {
  std::scoped_lock const lock(mutex_);
  ++calls_[static_cast<std::size_t>(call)];
}

void Counters::reset() {
  std::scoped_lock const lock(mutex_);
  kernels_.clear();
  launches_.clear();
  calls_ = {};
}

nlohmann::ordered_json Counters::json_of(Kernel const& kernel, OfKernel const& of) {
  std::array<InstructionCounter, static_cast<std::size_t>(Class::count)> classes{};
  InstructionCounter total;
  for (std::size_t i = 0; i < of.table.size(); ++i) {
    classes[static_cast<std::size_t>(kernel.code[i].cls)].add(of.table[i]);
    total.add(of.table[i]);
  }
  nlohmann::ordered_json by_class = nlohmann::ordered_json::object();
  for (std::size_t c = 0; c < classes.size(); ++c) {
    InstructionCounter const& k = classes[c];
    if (k.warps == 0) { continue; }
    nlohmann::ordered_json entry = {{"warp_instructions", k.warps},
                                    {"thread_instructions", k.threads}};
    if (k.bytes != 0) {
      entry["bytes"] = k.bytes;
      entry["transactions"] = k.transactions;
      entry["least_transactions"] = k.least;
    }
    by_class[name_of(static_cast<Class>(c))] = std::move(entry);
  }
  u64 conflicts = 0;
  for (Class const c : {Class::load_shared, Class::store_shared, Class::load_matrix}) {
    InstructionCounter const& k = classes[static_cast<std::size_t>(c)];
    conflicts += k.transactions - k.least;
  }
  return {{"launches", of.launches},
          {"blocks", of.blocks},
          {"threads", of.threads},
          {"warp_instructions", total.warps},
          {"thread_instructions", total.threads},
          {"distinct_bytes_read", of.distinct_read},
          {"distinct_bytes_written", of.distinct_written},
          {"bank_conflicts", conflicts},
          {"classes", std::move(by_class)}};
}

std::string Counters::json() const {
  std::scoped_lock const lock(mutex_);
  // Kernels in unnamed namespaces of several files may share a name: they are told apart by a
  // number.
  std::map<std::pair<std::string, std::string>, std::pair<Kernel const*, OfKernel const*>> sorted;
  for (auto const& [kernel, of] : kernels_) {
    sorted[{kernel->name, kernel->symbol}] = {kernel, &of};
  }
  nlohmann::ordered_json kernels = nlohmann::ordered_json::object();
  for (auto const& [names, entry] : sorted) {
    std::string name = names.first;
    for (int number = 2; kernels.contains(name); ++number) {
      name = names.first + " #" + std::to_string(number);
    }
    kernels[name] = json_of(*entry.first, *entry.second);
  }
  nlohmann::ordered_json all = {{"kernels", std::move(kernels)}};
  for (auto const& [kernel, launch] : launches_) {
    OfKernel one;
    one.add(launch);
    nlohmann::ordered_json entry = {{"kernel", kernel->name},
                                    {"symbol", kernel->symbol},
                                    {"threads_per_block", launch.threads_per_block},
                                    {"dynamic_shared_bytes", launch.dynamic_shared}};
    entry.update(json_of(*kernel, one));
    all["launches"].push_back(std::move(entry));
  }
  nlohmann::ordered_json calls = nlohmann::ordered_json::object();
  for (std::size_t c = 0; c < calls_.size(); ++c) { calls[kCallNames[c]] = calls_[c]; }
  all["calls"] = std::move(calls);
  return all.dump(2) + "\n";
}

void Counters::write_file() const {
  std::string const& name = settings().counters;
  if (name.empty()) { return; }
  std::ofstream file(name);
  file << json();
  if (!file.flush()) {
    std::fprintf(stderr, "emulator: cannot write the counters to %s\n", name.c_str());
  }
}

}  // namespace emulator
