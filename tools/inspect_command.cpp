#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "data/shard.hpp"
#include "data/shard_set.hpp"
#include "engine/sealed_file.hpp"
#include "model/model_file.hpp"
#include "tools/commands.hpp"
#include "train/checkpoint.hpp"
#include "validate/standard/text.hpp"

namespace jetcal::tools {
namespace {

std::string dimensions(std::vector<std::int64_t> const& sizes) {
  std::string text = "[";
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(sizes[i]);
  }
  return text + "]";
}

std::string scaling(model::InputScaling const& inputs) {
  std::string text = fmt::format("\n{} features: v * scale + offset\n", inputs.names.size());
  for (std::size_t i = 0; i < inputs.names.size(); ++i) {
    text += fmt::format("  {:<20} {:>6}  scale {:>12.6g}  offset {:>12.6g}\n", inputs.names[i],
                        inputs.units[i], inputs.scale[i], inputs.offset[i]);
  }
  return text;
}

std::string shard_text(std::string const& path) {
  data::ShardSet const set({path}, {}, "inspect");
  data::Shard const& shard = set.form();
  std::string const chunks = shard.is_virtual       ? "virtual dataset"
                             : shard.chunk_rows > 0 ? fmt::format("chunks of {}", shard.chunk_rows)
                                                    : "contiguous";
  std::string text = fmt::format(
      "{}: a shard of {} jets, {} fields, {} bytes a jet, {}, {:.1f} MB\n", path, shard.rows,
      shard.fields.size(), shard.row_bytes, chunks, static_cast<double>(shard.file_bytes) * 1e-6);
  for (data::Field const& field : shard.fields) {
    auto const unit = shard.units.find(field.name);
    text += fmt::format("  {:<24} {:<12} {}\n", field.name, data::name(field.type),
                        unit == shard.units.end() ? "(no unit declared)" : unit->second);
  }
  return text;
}

std::string model_text(std::string const& path) {
  model::ModelFile const file = model::read_model(path);
  std::int64_t count = 0;
  std::string matrices;
  for (auto const& [name, matrix] : file.parameters) {
    count += static_cast<std::int64_t>(matrix.values.size());
    matrices += fmt::format("  {:<20} {}\n", name, dimensions(matrix.dimensions));
  }
  return fmt::format(
      "{}: a model of {} parameters, written by jetcal {}\n{}{}\nmade with: {}\nrecipe:\n{}\n",
      path, count, file.code_version, matrices, scaling(file.inputs), file.provenance.dump(),
      file.recipe.dump(2));
}

std::string checkpoint_text(std::string const& path) {
  train::Checkpoint const checkpoint = train::read_checkpoint_header(path);
  Json const& now = checkpoint.position.at("now");
  Json const& schedule = checkpoint.recipe.at("schedule");
  auto const step = now.at("step").get<std::size_t>();
  std::string const stands =
      step >= schedule.size()
          ? fmt::format("all {} steps are done", schedule.size())
          : fmt::format("step {} of {} ('{}'), epoch {}, {} batches into it", step + 1,
                        schedule.size(), schedule[step].at("name").get<std::string>(),
                        now.at("epoch").get<std::int64_t>() + 1,
                        now.at("batch").get<std::int64_t>());
  return fmt::format(
      "{}: a checkpoint after {} updates, written by jetcal {}\nthe run stands at: {}\n{}\nmade "
      "with: "
      "{}\nrecipe:\n{}\n",
      path, now.at("total_updates").get<std::int64_t>(), checkpoint.code_version, stands,
      scaling(checkpoint.inputs), checkpoint.provenance.dump(), checkpoint.recipe.dump(2));
}

std::string standard_text(std::string const& path) {
  using namespace validate::standard;
  StandardFile const file = read_standard(path);
  MassScale::Axes const& axes = file.mass.scale.axes();
  return fmt::format(
      "{}: a standard calibration (numerical inversion, energy then mass), written by jetcal {}\n"
      "energy: {} bins of {} from {:g} to {:g}, {} nodes in ln E each\n"
      "mass: {} x {} x {} nodes in ln E, ln(m / E) and |eta|, up to |eta| {:g}\n"
      "{}made with: {}\nsettings:\n{}\n",
      path, file.code_version, file.energy.scale.bins().size(),
      file.energy.scale.signed_eta() ? "eta" : "|eta|", file.energy.scale.eta_edges().front(),
      file.energy.scale.eta_edges().back(), file.energy.scale.bins().front().table.values.size(),
      axes.log_energy.size(), axes.log_ratio.size(), axes.abs_eta.size(), axes.max_abs_eta,
      summary(file), file.provenance.dump(), settings_table().write(file.settings).dump(2));
}

std::string text_of(std::string const& path) {
  if (!looks_sealed(path)) { return shard_text(path); }
  std::string const kind = sealed_kind(path);
  if (kind == validate::standard::kKind) { return standard_text(path); }
  return kind == "checkpoint" ? checkpoint_text(path) : model_text(path);
}

int run(std::vector<std::string> const& paths) {
  for (std::string const& path : paths) { std::fputs(text_of(path).c_str(), stdout); }
  return kDone;
}

}  // namespace

void add_inspect(CLI::App& app, Work& work) {
  auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App* const command = app.add_subcommand(
      "inspect", "Say in words what a shard, model, standard calibration or checkpoint holds");
  command->add_option("FILE", *paths, "one or more files")->required();
  command->callback([paths, &work] { work = [paths] { return run(*paths); }; });
}

}  // namespace jetcal::tools
