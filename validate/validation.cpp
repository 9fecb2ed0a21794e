#include "validate/validation.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <system_error>

#include "engine/errors.hpp"
#include "validate/measurement.hpp"

namespace jetcal::validate {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::int64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

std::vector<NamedCalibration> read_calibrations(Request const& request) {
  std::vector<NamedCalibration> out;
  out.push_back({kUncalibrated, nullptr});
  for (std::string const& name : request.calibrations) {
    if (name == kUncalibrated) { continue; }
    bool const fields = name == kFields;
    out.push_back({name, fields ? nullptr : read_calibration(name, request.execution)});
  }
  return out;
}

/// Where a side of the split is asked for, all calibrations must split in one way.
void require_one_split(std::vector<NamedCalibration> const& calibrations,
                       std::vector<SampleFiles> const& samples) {
  auto const asked = std::find_if(samples.begin(), samples.end(),
                                  [](SampleFiles const& s) { return s.side != data::Side::all; });
  if (asked == samples.end()) { return; }
  NamedCalibration const* first = nullptr;
  for (NamedCalibration const& c : calibrations) {
    if (!c.calibration) { continue; }
    if (first == nullptr) {
      first = &c;
      continue;
    }
    data::DataConfig const& a = first->calibration->input().data;
    data::DataConfig const& b = c.calibration->input().data;
    JETCAL_REQUIRE(a.validation_fraction == b.validation_fraction && a.group == b.group &&
                       a.split_key == b.split_key,
                   ConfigError,
                   "--jets " << data::name(asked->side) << ": " << c.name
                             << " splits the jets otherwise than " << first->name
                             << " (they must have one rule). Validate them one by one");
  }
  JETCAL_REQUIRE(first != nullptr, ConfigError,
                 "--jets " << data::name(asked->side)
                           << ": no model says which jets are held out. Give a model as "
                              "--calibration, or use --jets all");
}

/// metrics.jsonl beside a model.
std::optional<TrainingCurve> training_curve(std::string const& calibration) {
  std::filesystem::path const path =
      std::filesystem::path(calibration).parent_path() / "metrics.jsonl";
  std::ifstream file(path);
  if (!file) { return std::nullopt; }
  TrainingCurve curve{calibration, {}};
  for (std::string line; std::getline(file, line);) {
    Json epoch = Json::parse(line, nullptr, false);
    if (epoch.is_object()) { curve.epochs.push_back(std::move(epoch)); }
  }
  if (curve.epochs.empty()) { return std::nullopt; }
  return curve;
}

}  // namespace

Results validate(Request const& request) {
  request.settings.require_valid();
  auto const begin = std::chrono::steady_clock::now();
  auto const calibrations = read_calibrations(request);
  require_one_split(calibrations, request.samples);
  std::error_code error;
  std::filesystem::create_directories(request.folder, error);
  JETCAL_REQUIRE(!error && std::filesystem::is_directory(request.folder), DataError,
                 request.folder.string()
                     << ": cannot be made (" << (error ? error.message() : "is no directory")
                     << "). Choose another --out");
  std::vector<std::string> names;
  bool networks = false;
  for (NamedCalibration const& c : calibrations) {
    names.push_back(c.name);
    networks = networks || (c.calibration && c.calibration->network() != nullptr);
  }
  require_different(names, "the calibration");
  bool const importance = request.settings.wants(Test::importance) && networks;
  std::vector<FeatureSample> features(calibrations.size());
  for (std::size_t k = 0; importance && k < calibrations.size(); ++k) {
    if (!calibrations[k].calibration) { continue; }
    if (auto const input = calibrations[k].calibration->network_input()) {
      features[k].names = input->normalisation.names;
    }
  }

  // All files are opened before any is read: what is wrong with the last shows at once.
  std::vector<std::unique_ptr<SampleReader>> readers;
  for (SampleFiles const& files : request.samples) {
    readers.push_back(std::make_unique<SampleReader>(files, calibrations, request.settings));
  }
  ColumnStore store(request.memory_mib << 20, request.folder);
  std::vector<Sample> samples;
  for (std::size_t s = 0; s < readers.size(); ++s) {
    samples.push_back(readers[s]->read(store, request.execution.threads,
                                       importance && s == 0 ? &features : nullptr));
  }
  double const seconds_reading = seconds_since(begin);

  ThreadPool threads(request.execution.threads);
  Results results = measure(samples, names, request.settings, threads);
  for (std::size_t s = 0; s < samples.size(); ++s) {
    results.samples[s].files = request.samples[s].files;
    results.samples[s].side = data::name(request.samples[s].side);
  }
  TableContext const context{names, request.settings.mass_true_min_gev, request.settings.mode};
  for (std::size_t k = 0; importance && k < calibrations.size(); ++k) {
    if (!calibrations[k].calibration || calibrations[k].calibration->network() == nullptr) {
      continue;
    }
    for (auto& row : feature_importance(names[k], *calibrations[k].calibration->network(),
                                        features[k], request.settings.importance, context)) {
      results.importance.push_back(std::move(row));
    }
  }
  for (NamedCalibration const& c : calibrations) {
    if (!c.calibration) { continue; }
    if (auto curve = training_curve(c.name)) { results.training.push_back(std::move(*curve)); }
  }
  if (request.settings.wants(Test::importance) && !networks) {
    results.skipped.push_back({"importance", "", "no calibration is a network"});
  }
  results.bytes_in_memory = store.bytes_in_memory();
  results.bytes_in_file = store.bytes_in_file();
  results.seconds_reading = seconds_reading;
  results.seconds_measuring = seconds_since(begin) - seconds_reading;
  results.peak_memory = peak_memory();
  return results;
}

}  // namespace jetcal::validate
