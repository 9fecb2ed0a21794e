#include <cstdio>
#include <cstring>
#include <memory>

#include "data/setup.hpp"
#include "data/table_writer.hpp"
#include "tools/commands.hpp"
#include "validate/calibration.hpp"

namespace jetcal::tools {
namespace {

struct CalibrateOptions {
  std::string model, out, jets = "all", packing = "gzip";
  std::vector<std::string> shards;
  ComputeOptions compute;
};

data::TablePacking parse_packing(std::string const& name) {
  if (name == "none") { return data::TablePacking::none; }
  return name == "lz4" ? data::TablePacking::lz4 : data::TablePacking::gzip;
}

std::vector<data::NewField> result_fields(data::Shard const& form,
                                          std::vector<std::string> const& fields_before) {
  std::vector<data::NewField> fields = {
      {"energy_calibrated", form.unit(fields_before[0]), data::kFloat32},
      {"mass_calibrated", form.unit(fields_before[1]), data::kFloat32},
      {"pt_calibrated", form.unit(fields_before[2]), data::kFloat32}};
  for (char const* const name :
       {"energy_response", "energy_sigma_low", "energy_sigma_high", "mass_response",
        "mass_sigma_low", "mass_sigma_high", "calibrated"}) {
    fields.push_back({name, "1", data::kFloat32});
  }
  return fields;
}

data::JetReaderSetup reader_setup(validate::Calibration const& calibration,
                                  CalibrateOptions const& options) {
  data::DataConfig const& data = calibration.input().data;
  data::JetReaderSetup setup;
  setup.files = options.shards;
  setup.units = data.units;
  if (auto input = calibration.network_input()) { setup.inputs.push_back(std::move(*input)); }
  setup.columns = calibration.fields();
  setup.rows = true;
  setup.side = data::side_of(options.jets);
  setup.split = data::split_rule(data);
  return setup;
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
  auto const calibration = validate::read_calibration(options.model, options.compute.apply(8));
  data::JetReader const reader(reader_setup(*calibration, options));
  data::Shard const& form = reader.shards().form();
  validate::KinematicUnits const units = calibration->units(form);
  int const threads = options.compute.thread_count();
  data::TableWriter writer(options.out, form, result_fields(form, calibration->fields()),
                           parse_packing(options.packing));
  writer.use_threads(threads);
  validate::CalibratedJets jets;
  std::vector<std::uint8_t> rows;
  std::int64_t all = 0, calibrated = 0;
  reader.for_each_block(threads, [&](data::JetBlock const& block) {
    calibration->apply(validate::uncalibrated(block, 0, 0, units), jets);
    rows.clear();
    for (std::size_t i = 0; i < static_cast<std::size_t>(block.rows); ++i) {
      append_row(block, jets, i, form.row_bytes, rows);
      calibrated += jets.calibrated[i] > 0 ? 1 : 0;
    }
    writer.append(rows.data(), block.rows);
    all += block.rows;
  });
  writer.close();
  std::printf("%s: %ld of %ld jets calibrated\n", options.out.c_str(),
              static_cast<long>(calibrated), static_cast<long>(all));
  return kDone;
}

}  // namespace

void add_calibrate(CLI::App& app, Work& work) {
  auto options = std::make_shared<CalibrateOptions>();
  CLI::App* const command = app.add_subcommand(
      "calibrate",
      "Apply a calibration: the same jets with calibrated energy, mass and pT beside them");
  command->add_option("MODEL", options->model, "a model or a standard calibration")->required();
  command->add_option("SHARDS", options->shards, "files or globs")->required();
  command->add_option("--out", options->out, "the file to write")->required();
  command
      ->add_option("--packing", options->packing,
                   "of the file: gzip (read by any HDF5), lz4 (read faster, with the plugin of "
                   "hdf5-filter-plugin) or none")
      ->capture_default_str()
      ->check(CLI::IsMember({"gzip", "lz4", "none"}));
  add_jets_option(*command, options->jets);
  options->compute.add_to(*command);
  command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace jetcal::tools
