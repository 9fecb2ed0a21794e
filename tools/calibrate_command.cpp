#include <cstdio>
#include <cstring>
#include <memory>

#include "data/table_writer.hpp"
#include "tools/commands.hpp"
#include "validate/calibration.hpp"

namespace jetcal::tools {
namespace {

struct CalibrateOptions {
  std::string model, out, jets = "all";
  std::vector<std::string> shards;
  ComputeOptions compute;
};

std::vector<data::NewField> result_fields(data::Shard const& form,
                                          data::JetReaderSetup const& setup) {
  std::vector<data::NewField> fields = {
      {"energy_calibrated", form.unit(setup.columns[0]), data::kFloat32},
      {"mass_calibrated", form.unit(setup.columns[1]), data::kFloat32},
      {"pt_calibrated", form.unit(setup.columns[2]), data::kFloat32}};
  for (char const* const name :
       {"energy_response", "energy_sigma_low", "energy_sigma_high", "mass_response",
        "mass_sigma_low", "mass_sigma_high", "calibrated"}) {
    fields.push_back({name, "1", data::kFloat32});
  }
  return fields;
}

/// One row: the input's bytes, then the results.
void append_row(data::JetBlock const& block, validate::CalibratedJets const& jets, std::size_t i,
                std::size_t row_bytes, std::vector<std::uint8_t>& rows) {
  std::uint8_t const* const row = block.row_bytes.data() + i * row_bytes;
  rows.insert(rows.end(), row, row + row_bytes);
  float const results[] = {jets.energy[i],
                           jets.mass[i],
                           jets.pt[i],
                           jets.energy_prediction[3 * i],
                           jets.energy_prediction[3 * i + 1],
                           jets.energy_prediction[3 * i + 2],
                           jets.mass_prediction[3 * i],
                           jets.mass_prediction[3 * i + 1],
                           jets.mass_prediction[3 * i + 2],
                           jets.calibrated[i]};
  std::uint8_t bytes[sizeof results];
  std::memcpy(bytes, results, sizeof results);
  rows.insert(rows.end(), bytes, bytes + sizeof bytes);
}

int run(CalibrateOptions const& options) {
  validate::DnnCalibration calibration(options.model, options.compute.apply(8));
  data::JetReaderSetup setup =
      calibration.reader_setup(options.shards, data::side_of(options.jets));
  setup.rows = true;
  data::JetReader const reader(setup);
  data::Shard const& form = reader.shards().form();
  validate::Kinematics const units = calibration.kinematics(form);
  data::TableWriter writer(options.out, form, result_fields(form, setup));
  data::JetBlock block;
  validate::CalibratedJets jets;
  std::vector<std::uint8_t> rows;
  std::int64_t all = 0, calibrated = 0;
  for (std::int64_t b = 0; b < reader.blocks(); ++b) {
    reader.read(b, block);
    calibration.apply(block, 0, units, jets);
    rows.clear();
    for (std::size_t i = 0; i < static_cast<std::size_t>(block.rows); ++i) {
      append_row(block, jets, i, form.row_bytes, rows);
      calibrated += jets.calibrated[i] > 0 ? 1 : 0;
    }
    writer.append(rows.data(), block.rows);
    all += block.rows;
  }
  writer.close();
  std::printf("%s: %ld of %ld jets calibrated\n", options.out.c_str(),
              static_cast<long>(calibrated), static_cast<long>(all));
  return kDone;
}

}  // namespace

void add_calibrate(CLI::App& app, Work& work) {
  auto options = std::make_shared<CalibrateOptions>();
  CLI::App* const command = app.add_subcommand(
      "calibrate", "Apply a model: the same jets with calibrated energy, mass and pT beside them");
  command->add_option("MODEL", options->model, "model.h5")->required();
  command->add_option("SHARDS", options->shards, "files or globs")->required();
  command->add_option("--out", options->out, "the file to write")->required();
  add_jets_option(*command, options->jets);
  options->compute.add_to(*command);
  command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace jetcal::tools
