#include "validate/run.hpp"

#include "engine/errors.hpp"
#include "validate/report.hpp"

namespace jetcal::validate {

Results run(Settings const& settings, std::vector<Source> const& sources,
            std::vector<std::string> const& calibrations, std::filesystem::path const& folder,
            ThreadPool& threads) {
  std::vector<std::string> samples;
  for (Source const& source : sources) { samples.push_back(source.sample); }
  ClosureAccumulator accumulator(settings, samples, calibrations);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    std::size_t jets = 0;
    JetBlock block;
    while (sources[i].next(block)) {
      accumulator.add(i, block);
      jets += block.pt_true_gev.size();
    }
    JETCAL_REQUIRE(jets > 0, DataError,
                   "validation: sample '" << samples[i] << "' has no jets (needs at least one)");
  }
  Results results = accumulator.results(threads);
  write_results(results, folder);
  return results;
}

}  // namespace jetcal::validate
