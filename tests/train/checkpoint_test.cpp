#include "train/checkpoint.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "engine/sealed_file.hpp"
#include "tests/catch.hpp"
#include "tests/damage.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"
#include "train/run_lock.hpp"

using namespace jetcal;
using namespace jetcal::train;
using jetcal::test::error_text;
using jetcal::test::has;
using jetcal::test::ScratchFolder;
namespace fs = std::filesystem;

namespace {

Layout layout() {
  Layout out;
  out.add("core.0.weight", 3, 17);
  out.add("core.0.bias", 1, 17);
  out.add("energy.head.weight", 17, 3);
  return out;
}

// Values everywhere but in the padding, which is 0 as everywhere in an arena.
std::vector<float> arena(Layout const& of, std::uint64_t key) {
  RandomStream const random(key, Purpose::test, 3);
  std::vector<float> out(static_cast<std::size_t>(of.size()), 0.0f);
  std::uint64_t i = 0;
  for (Slice const& slice : of.slices()) {
    for (std::int64_t r = 0; r < slice.rows; ++r) {
      for (std::int64_t c = 0; c < slice.cols; ++c) {
        slice.of(out.data()).row(r)[c] = static_cast<float>(random.uniform(i++) * 2 - 1);
      }
    }
  }
  return out;
}

Checkpoint checkpoint(Layout const& of, std::int64_t updates = 7) {
  Checkpoint out;
  out.recipe = {{"seed", 1}, {"schedule", {{{"epochs", 0.1}}}}};
  out.position = {{"step", 2}, {"updates", updates}, {"rate", 0.1}, {"big", 18446744073709551615u}};
  out.provenance = {{"isa", "avx2"}};
  out.code_version = "0.1.0 test";
  out.inputs = {{"eta"}, {"1"}, {0.25f}, {-1}};
  out.parameters = arena(of, 1);
  out.arenas = {{"average", arena(of, 2)}, {"m", arena(of, 3)}, {"v", arena(of, 4)}};
  out.sums = {{"bins", {}}, {"epoch", {0.1, -1e-300, std::nan(""), HUGE_VAL}}};
  return out;
}

bool same_bits(std::vector<double> const& a, std::vector<double> const& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * 8) == 0);
}

}  // namespace

TEST_CASE("a checkpoint comes back to the bit", "[checkpoint]") {
  ScratchFolder const folder;
  Layout const of = layout();
  Checkpoint written = checkpoint(of);
  // An optimizer's state may hold anything, even in a run about to stop.
  of.at("core.0.weight").of(written.arenas[1].second.data()).row(2)[16] = HUGE_VALF;
  fs::path const path = folder / "c.h5";
  write_checkpoint(path, written, of);
  Checkpoint const read = read_checkpoint(path, of);
  CHECK(read.recipe == written.recipe);
  CHECK(read.position == written.position);
  CHECK(read.provenance == written.provenance);
  CHECK(read.code_version == written.code_version);
  CHECK(read.inputs.names == written.inputs.names);
  CHECK(read.inputs.offset == written.inputs.offset);
  CHECK(read.parameters == written.parameters);
  CHECK(read.arenas == written.arenas);
  REQUIRE(read.sums.size() == 2);
  CHECK(read.sums[0].first == "bins");
  CHECK(read.sums[0].second.empty());
  CHECK(same_bits(read.sums[1].second, written.sums[1].second));

  Checkpoint const header = read_checkpoint_header(path);
  CHECK(header.position == written.position);
  CHECK(header.parameters.empty());

  // Parameters are where a model has them.
  hdf5::Reader const root(read_sealed(path, "checkpoint"), "c.h5");
  CHECK(root.group("parameters").floats("core.0.weight").dimensions ==
        std::vector<std::int64_t>{3, 17});
  CHECK(root.group("state").group("m").floats("core.0.bias").dimensions ==
        std::vector<std::int64_t>{17});
}

TEST_CASE("no damage to a checkpoint goes unnoticed", "[checkpoint]") {
  ScratchFolder const folder;
  Layout const of = layout();
  write_checkpoint(folder / "c.h5", checkpoint(of), of);
  CHECK(test::undetected_damage(folder / "c.h5", [&] { read_checkpoint(folder / "c.h5", of); }) ==
        std::vector<std::string>{});
  CHECK(test::undetected_damage(folder / "c.h5", [&] {
          read_checkpoint_header(folder / "c.h5");
        }) == std::vector<std::string>{});
}

TEST_CASE("what cannot be a checkpoint is not written", "[checkpoint]") {
  ScratchFolder const folder;
  Layout const of = layout();
  fs::path const path = folder / "c.h5";
  write_checkpoint(path, checkpoint(of), of);
  auto const before = read_bytes(path);
  Checkpoint bad = checkpoint(of);
  bad.position["norm"]["largest"] = std::nan("");
  CHECK(has(error_text<ConfigError>([&] { write_checkpoint(path, bad, of); }),
            "c.h5: position/norm/largest: is nan (must be finite)"));
  bad = checkpoint(of);
  bad.provenance["x"] = {1.0, HUGE_VAL};
  CHECK(has(error_text<ConfigError>([&] { write_checkpoint(path, bad, of); }), "provenance/x/1"));
  bad = checkpoint(of);
  bad.arenas[1].second.pop_back();
  CHECK_THROWS_AS(write_checkpoint(path, bad, of), ShapeError);
  CHECK(read_bytes(path) == before);
  CHECK(folder.names() == std::vector<std::string>{"c.h5"});
}

TEST_CASE("parameters that are not finite are no state to go on from", "[checkpoint]") {
  ScratchFolder const folder;
  Layout const of = layout();
  Checkpoint bad = checkpoint(of);
  of.at("energy.head.weight").of(bad.parameters.data()).row(16)[2] = std::nanf("");
  CHECK(has(error_text<DataError>([&] { write_checkpoint(folder / "c.h5", bad, of); }),
            "energy.head.weight [16, 2] is nan"));
  CHECK(folder.names().empty());
}

TEST_CASE("a checkpoint of another network, or no checkpoint, is refused", "[checkpoint]") {
  ScratchFolder const folder;
  Layout const of = layout();
  write_checkpoint(folder / "c.h5", checkpoint(of), of);
  Layout other;
  other.add("core.0.weight", 3, 17);
  other.add("core.0.bias", 1, 17);
  other.add("energy.head.weight", 3, 17);
  CHECK(has(error_text<DataError>([&] { read_checkpoint(folder / "c.h5", other); }),
            "c.h5: energy.head.weight is [17, 3] (must be [3, 17])"));
  write_sealed(folder / "m.h5", "model", {});
  CHECK(has(error_text<DataError>([&] { read_checkpoint(folder / "m.h5", of); }),
            "is a model (must be a checkpoint)"));
  auto const future = hdf5::file_image(kSealBytes, [](hdf5::Writer& root) {
    root.attribute("format", std::string("jetcal-checkpoint 2"));
  });
  write_sealed(folder / "f.h5", "checkpoint", future);
  CHECK(has(error_text<DataError>([&] { read_checkpoint_header(folder / "f.h5"); }),
            "has format 'jetcal-checkpoint 2'"));
}

TEST_CASE("checkpoints are named, listed and pruned by updates", "[checkpoint]") {
  ScratchFolder const folder;
  CHECK(checkpoint_path("r", 12345).filename() == "checkpoint_000000012345.h5");
  CHECK_THROWS_AS(checkpoint_path("r", -1), Error);
  CHECK_THROWS_AS(checkpoint_path("r", 1'000'000'000'000), Error);
  CHECK(list_checkpoints(folder / "none").empty());
  for (std::int64_t const n : {5, 100, 20, 3}) {
    test::write_text(checkpoint_path(folder.path(), n), "x");
  }
  for (std::string const name :
       {"checkpoint_5.h5", "checkpoint_00000000000x.h5", "other.h5",
        ".checkpoint_000000000009.h5.jetcal-writing-1-0", "checkpoint_000000000200.h5.damaged"}) {
    test::write_text(folder / name, "x");
  }
  auto const path = [&](std::int64_t n) { return checkpoint_path(folder.path(), n); };
  CHECK(list_checkpoints(folder.path()) ==
        std::vector<fs::path>{path(100), path(20), path(5), path(3)});
  prune_checkpoints(folder.path(), 3);
  CHECK(list_checkpoints(folder.path()) == std::vector<fs::path>{path(100), path(20), path(5)});
  prune_checkpoints(folder.path(), 1);
  CHECK(list_checkpoints(folder.path()) == std::vector<fs::path>{path(100)});
  CHECK_THROWS_AS(prune_checkpoints(folder.path(), 0), Error);
  CHECK(folder.names().size() == 6);  // nothing else was touched
}

TEST_CASE("the newest whole checkpoint is found behind damaged ones", "[checkpoint]") {
  ScratchFolder const folder;
  Layout const of = layout();
  auto const path = [&](std::int64_t n) { return checkpoint_path(folder.path(), n); };
  CHECK_FALSE(find_latest(folder / "none").path);
  for (std::int64_t const n : {1, 2, 3, 4}) { write_checkpoint(path(n), checkpoint(of, n), of); }
  CHECK(find_latest(folder.path()).path == path(4));
  CHECK(find_latest(folder.path()).damaged.empty());

  auto bytes = read_bytes(path(4));
  bytes[bytes.size() / 2] ^= std::byte{1};
  test::write_bytes(path(4), bytes);
  test::write_bytes(path(3), std::span(bytes).first(1000));
  LatestCheckpoint const found = find_latest(folder.path());
  CHECK(found.path == path(2));
  CHECK(found.damaged == std::vector<fs::path>{path(4), path(3)});
  REQUIRE(found.complaints.size() == 2);
  CHECK(has(found.complaints[0], "checkpoint_000000000004.h5: is damaged"));
  CHECK(has(found.complaints[1], "checkpoint_000000000003.h5: is truncated"));

  set_damaged_aside(found);
  CHECK(list_checkpoints(folder.path()) == std::vector<fs::path>{path(2), path(1)});
  CHECK(fs::exists(path(4).string() + ".damaged"));
  CHECK(find_latest(folder.path()).damaged.empty());

  test::write_text(path(1), "");
  test::write_text(path(2), "not sealed");
  CHECK_FALSE(find_latest(folder.path()).path);
  CHECK(find_latest(folder.path()).complaints.size() == 2);
}

TEST_CASE("one run a folder, and a killed run blocks nobody", "[checkpoint][lock]") {
  ScratchFolder const folder;
  fs::path const run = folder / "a/b";
  {
    RunLock const lock(run);
    CHECK(lock.held());
    std::string const text = error_text<DataError>([&] { RunLock second(run); });
    CHECK(has(text, "a/b: process " + std::to_string(::getpid()) + " on "));
    CHECK(has(text, "is training here (one run a folder)"));
    CHECK_NOTHROW(RunLock(folder / "other"));
  }
  CHECK_NOTHROW(RunLock(run));

  // A process that holds the lock is killed without a chance to clean up.
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  pid_t const child = ::fork();
  if (child == 0) {
    ::alarm(60);  // whatever happens to the test, this process ends
    try {
      RunLock const lock(run);
      if (::write(ready[1], "x", 1) == 1) {
        for (;;) { ::pause(); }
      }
    } catch (...) {}
    ::_exit(1);
  }
  ::close(ready[1]);  // so that reading ends if the child does
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(has(error_text<DataError>([&] { RunLock lock(run); }),
            "process " + std::to_string(child) + " on "));
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  ::close(ready[0]);
  CHECK_NOTHROW(RunLock(run));

  test::write_text(folder / "file", "x");
  CHECK(
      has(error_text<DataError>([&] { RunLock lock(folder / "file/run"); }), "cannot be created"));
}
