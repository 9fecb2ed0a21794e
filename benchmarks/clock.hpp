#pragma once

#include <ctime>

namespace jetcal::bench {

inline double seconds_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Time on the wall, and time on a processor of this thread and of all threads together: on a
/// machine that others use too only the latter two tell how fast the code is.
inline double wall_seconds() { return seconds_of(CLOCK_MONOTONIC); }
inline double thread_seconds() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }
inline double process_seconds() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace jetcal::bench
