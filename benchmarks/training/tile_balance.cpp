// Question: how long do threads idle because tiles do not divide evenly among them?
//
//   tile_balance [--batch 15000] [--lanes 8]
//
// Computed, for 1 to 64 threads of one speed for which a tile takes as long as it has rows: the
// share of all threads' time that is idle until the last one is done.

#include <CLI/CLI.hpp>
#include <cstdio>

#include "tests/kernels/tile_schedule.hpp"

int main(int argc, char** argv) {
  using namespace jetcal;
  CLI::App app{"Idle share of threads, computed"};
  std::int64_t batch = 15'000, lanes = 8;
  app.add_option("--batch", batch)->check(CLI::PositiveNumber);
  app.add_option("--lanes", lanes)->check(CLI::Range(1, 256));
  CLI11_PARSE(app, argc, argv);

  std::printf("threads  prediction  training   (batch %ld, %ld lanes)\n", static_cast<long>(batch),
              static_cast<long>(lanes));
  for (int threads = 1; threads <= 64; ++threads) {
    auto const idle = [&](std::int64_t finish) {
      return 100 * (1 - static_cast<double>(batch) / static_cast<double>(threads * finish));
    };
    LaneTiles const tiles(Lanes(batch, lanes), threads);
    std::printf("%7d %10.1f%% %8.1f%%\n", threads,
                idle(test::finish(tiles_for(batch, threads), threads)),
                idle(test::finish(test::schedule(tiles, test::by_rows(tiles)))));
  }
  return 0;
}
