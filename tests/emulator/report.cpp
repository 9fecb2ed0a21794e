// Findings: one line each on the standard error, and the runtime error they stand for.
#include "tests/emulator/report.hpp"

#include "tests/emulator/runtime/abi.hpp"
#include "tests/emulator/settings.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <utility>

namespace emulator {
namespace {

std::mutex& findings_mutex() {
  static std::mutex mutex;
  return mutex;
}

int error_of(Check check) {
  switch (check) {
    case Check::out_of_bounds:
    case Check::use_after_free:
      return kErrorIllegalAddress;
    case Check::misaligned:
      return kErrorMisalignedAddress;
    case Check::assertion:
      return kErrorAssert;
    default:
      return kErrorLaunchFailure;
  }
}

}  // namespace

char const* name_of(Check check) {
  switch (check) {
    case Check::out_of_bounds:
      return "out of bounds";
    case Check::misaligned:
      return "misaligned";
    case Check::uninitialised:
      return "uninitialised memory";
    case Check::use_after_free:
      return "use after free";
    case Check::barrier_divergence:
      return "barrier divergence";
    case Check::deadlock:
      return "deadlock";
    case Check::warp_sync:
      return "warp synchronisation";
    case Check::shared_race:
      return "shared memory race";
    case Check::global_race:
      return "race between blocks";
    case Check::async_wait:
      return "missing cp.async wait";
    case Check::host_access:
      return "host access during a copy";
    case Check::leak:
      return "device memory leak";
    case Check::invalid_free:
      return "invalid free";
    case Check::assertion:
      return "assertion";
    case Check::unsupported:
      return "unsupported";
    case Check::step_limit:
      return "step limit";
    case Check::count:
      break;
  }
  return "?";
}

Findings& Findings::all() {
  static auto* findings = new Findings;  // never destroyed: used until the very end of the process
  return *findings;
}

void Findings::print(Finding const& finding) {
  std::string line = std::string("emulator: ") + name_of(finding.check) + ": " + finding.what;
  if (!finding.kernel.empty()) { line += "; kernel " + finding.kernel; }
  if (!finding.where.empty()) { line += ", " + finding.where; }
  if (finding.times > 1) {
    line += " (" + std::to_string(finding.times) + " times in this launch)";
  }
  line += "\n";
  text_ += line;
  if (!settings().quiet) {
    std::fputs(line.c_str(), stderr);
    std::fflush(stderr);
  }
  if (error_ == 0) { error_ = error_of(finding.check); }
  ++count_;
}

void Findings::add(Finding finding) {
  std::scoped_lock const lock(findings_mutex());
  print(finding);
}

void Findings::add(std::vector<Finding> found) {
  std::stable_sort(found.begin(), found.end(), [](Finding const& a, Finding const& b) {
    return std::pair(a.block_index, a.instruction) < std::pair(b.block_index, b.instruction);
  });
  std::vector<Finding> distinct;
  std::map<std::pair<Check, int>, std::size_t> known;
  for (Finding& finding : found) {
    auto const [at, is_new] =
        known.try_emplace({finding.check, finding.instruction}, distinct.size());
    if (is_new) {
      distinct.push_back(std::move(finding));
    } else {
      distinct[at->second].times += finding.times;
    }
  }
  std::scoped_lock const lock(findings_mutex());
  for (Finding const& finding : distinct) { print(finding); }
}

int Findings::sticky_error() const {
  std::scoped_lock const lock(findings_mutex());
  return error_;
}

u64 Findings::count() const {
  std::scoped_lock const lock(findings_mutex());
  return count_;
}

std::string Findings::take() {
  std::scoped_lock const lock(findings_mutex());
  error_ = 0;
  return std::exchange(text_, std::string());
}

}  // namespace emulator
