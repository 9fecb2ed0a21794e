#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/jet_reader.hpp"
#include "validate/calibration.hpp"
#include "validate/importance.hpp"
#include "validate/sample.hpp"
#include "validate/settings.hpp"

namespace jetcal::validate {

/// What is validated on: a name and files or globs.
struct SampleFiles {
  std::string name;
  std::vector<std::string> files;
  data::Side side = data::Side::all;  ///< by the rule of the first calibration that has one
};

/// One calibration of a validation. `calibration` is null for kUncalibrated and for kFields.
struct NamedCalibration {
  std::string name;
  std::unique_ptr<Calibration> calibration;
};

/// The fields energy_calibrated and mass_calibrated of the shards themselves.
inline constexpr char kFields[] = "fields";

/// Reads a sample once and calibrates its jets with every calibration on the way.
class SampleReader {
 public:
  /// `calibrations` begin with kUncalibrated. Fields and units are the first calibration's.
  ///
  /// Errors    those of data::JetReader; DataError for a truth field that is missing or has no unit
  SampleReader(SampleFiles const& files, std::vector<NamedCalibration> const& calibrations,
               Settings const& settings);

  /// Reads everything, on `threads` threads. `features`, one a calibration, get about
  /// Settings::importance.jets jets, chosen by their row number; empty: not wanted.
  ///
  /// Errors    those of reading and calibrating; DataError for no jets, or a flavour that the
  ///           settings do not know
  Sample read(ColumnStore& store, int threads, std::vector<FeatureSample>* features);

 private:
  // Where a calibration's jets are in a block.
  struct Place {
    std::size_t columns = 0;
    std::size_t network = 0;
    KinematicUnits units;
    data::UnitFactor energy_to_gev, mass_to_gev;
  };
  // A column of the table that is a field of the file.
  struct Copied {
    std::size_t from, to;
    bool absolute;
  };

  void find_optional_fields(data::Shard const& form, data::JetReaderSetup& setup);
  void fill(data::JetBlock const& block, Sample& sample);
  void check_flavours(data::JetBlock const& block) const;
  void collect(data::JetBlock const& block, std::vector<FeatureSample>& features) const;

  SampleFiles files_;
  std::vector<NamedCalibration> const& calibrations_;
  Settings const& settings_;
  std::unique_ptr<data::JetReader> reader_;
  JetColumns columns_;
  std::map<std::string, std::string> missing_;
  std::vector<Copied> copied_;
  std::vector<Place> places_;  // [calibration]
  double expected_jets_ = 0;   // on the side asked for
  data::UnitFactor pt_to_gev_, mass_bin_to_gev_, energy_true_to_gev_, mass_true_to_gev_;
  std::vector<CalibratedJets> calibrated_;
  std::vector<std::vector<float>> values_;  // [column]
};

}  // namespace jetcal::validate
