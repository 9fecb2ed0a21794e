#pragma once

#include <cstdlib>

// Catch2 v3 or v2, whichever the system has.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

// JETCAL_SKIP("no AVX-512 here"): leaves a test case that cannot run; ctest counts it as skipped.
// Catch2 v2 has no such thing: under ctest, where a case is a process, the process ends with the
// status that says so; by hand the case ends with a warning.
#ifdef SKIP
#define JETCAL_SKIP(reason) SKIP(reason)
#else
#define JETCAL_SKIP(reason)                                                                       \
  do {                                                                                            \
    WARN("skipped: " << reason);                                                                  \
    if (char const* status = std::getenv("JETCAL_SKIP_STATUS")) { std::exit(std::atoi(status)); } \
    return;                                                                                       \
  } while (false)
#endif
