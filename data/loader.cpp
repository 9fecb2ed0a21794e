#include "data/loader.hpp"

#include <algorithm>
#include <array>

#include "data/batch_queue.hpp"
#include "data/features.hpp"
#include "data/memory_plan.hpp"
#include "data/normalisation.hpp"
#include "data/parallel.hpp"
#include "data/quantiles.hpp"
#include "data/records.hpp"
#include "data/scan.hpp"
#include "data/sources.hpp"
#include "data/window_order.hpp"

namespace jetcal::data {
namespace {

MemoryNeeds needs_of(ShardSet const& shards, JetColumnReader const& reader,
                     std::int64_t largest_batch) {
  RecordForm const form{static_cast<std::int64_t>(reader.n_features()), reader.has_weights()};
  MemoryNeeds needs;
  needs.rows = shards.rows();
  for (ShardSet::Block const& block : shards.blocks()) {
    needs.largest_block = std::max(needs.largest_block, block.rows);
  }
  needs.features = form.features;
  needs.record_bytes = Records::bytes(form);
  needs.read_bytes = reader.read_bytes();
  needs.largest_batch = largest_batch;
  return needs;
}

}  // namespace

class Loader::Work {
 public:
  Work(LoaderSetup const& setup, std::optional<Normalisation> known)
      : setup_(setup),
        shards_(setup.data.train, setup.data.units, "data.train"),
        reader_(shards_, setup_),
        needs_(needs_of(shards_, reader_, setup.largest_batch)),
        plan_(MemoryPlan::make(setup.loader, needs_, setup.threads)),
        scan_(static_cast<std::int64_t>(shards_.blocks().size())),
        form_{needs_.features, reader_.has_weights()} {
    if (known) { require_matching(*known, setup.features, "Loader"); }
    if (plan_.resident) { records_ = Records(form_, shards_.rows()); }
    std::optional<QuantileFinder> quantiles;
    if (!known) { quantiles.emplace(reader_.n_features(), kLowerPermille, kUpperPermille); }
    read_all(quantiles);
    scan_.check(reader_, shards_, setup_.data);
    normalisation_ = known ? *known : find_normalisation(*quantiles);
    if (plan_.resident) {
      records_.turn(shards_.rows() - 1, validation_rows(), training_rows());
      records_.normalise(normalisation_, 0, training_rows() + validation_rows());
    }
  }

  std::int64_t training_rows() const { return scan_.count(JetStatus::training); }
  std::int64_t validation_rows() const { return scan_.count(JetStatus::held_out); }

  std::vector<std::string> notes() const {
    std::vector<std::string> lines{
        std::to_string(shards_.rows()) + " jets in " + std::to_string(shards_.shards().size()) +
            (shards_.shards().size() == 1 ? " shard: " : " shards: ") +
            std::to_string(training_rows()) + " train, " + std::to_string(validation_rows()) +
            " held out",
        std::string(plan_.resident ? "resident: all jets in memory, " : "streaming: windows of ") +
            (plan_.resident ? "" : std::to_string(plan_.window_rows) + " jets, ") + "at most " +
            memory_text(plan_.needed_bytes) + " of " + memory_text(plan_.budget_bytes)};
    auto const refused = scan_.notes(reader_, shards_);
    lines.insert(lines.end(), refused.begin(), refused.end());
    if (setup_.data.validation_fraction > 0 && validation_rows() == 0) {
      lines.push_back("no jet is held out: the sample is too small for the validation fraction");
    }
    return lines;
  }

  void start(JetStatus side, std::optional<RandomStream> stream, std::int64_t batch_size,
             std::int64_t first_batch) {
    queue_.reset();
    side_ = side;
    queue_ = std::make_unique<BatchQueue>(source(side, stream), rows_of(side), form_.features,
                                          batch_size, first_batch);
  }

  RecordOrder order(JetStatus side, std::optional<RandomStream> const& stream) const {
    RecordOrder order;
    order.origin = side == JetStatus::training ? 0 : training_rows();
    order.rows = rows_of(side);
    if (stream) { order.permutation = {static_cast<std::uint64_t>(order.rows), *stream}; }
    return order;
  }

  Records const& resident_records() const {
    JETCAL_REQUIRE(plan_.resident, Error, "Loader: a streaming one has no jets in memory");
    return records_;
  }

  void require_batch_size(std::int64_t batch_size) const {
    JETCAL_REQUIRE(batch_size > 0, ConfigError,
                   "loader: batch size is " << batch_size << " (must be at least 1)");
    MemoryNeeds needs = needs_;
    needs.largest_batch = std::max(batch_size, needs_.largest_batch);
    LoaderConfig config = setup_.loader;
    config.mode = plan_.resident ? LoaderMode::resident : LoaderMode::streaming;
    MemoryPlan::make(config, needs, 1);
  }

  bool next(JetStatus side, Batch& batch, char const* starter) {
    JETCAL_REQUIRE(queue_ && side_ == side, Error,
                   "Loader: a batch is asked for but " << starter << " was not the last start");
    return queue_->next(batch);
  }

  LoaderSetup const setup_;
  ShardSet const shards_;
  JetColumnReader const reader_;
  MemoryNeeds const needs_;
  MemoryPlan const plan_;
  Scan scan_;
  Normalisation normalisation_;

 private:
  std::int64_t rows_of(JetStatus side) const { return scan_.count(side); }

  /// Resident: training jets fill the memory from its beginning, held-out ones from its end (they
  /// are turned round when all are there), so that neither number need be known before.
  void read_all(std::optional<QuantileFinder>& quantiles) {
    std::vector<float> weights;
    for_each_ordered<JetColumns>(
        static_cast<std::int64_t>(shards_.blocks().size()), plan_.threads,
        [&](std::int64_t i, JetColumns& jets) { reader_.read(i, jets); },
        [&](std::int64_t, JetColumns const& jets) {
          if (plan_.resident) {
            records_.pack(jets, rows_with(jets, JetStatus::training), nullptr, training_rows(), 1);
            records_.pack(jets, rows_with(jets, JetStatus::held_out), nullptr,
                          shards_.rows() - 1 - validation_rows(), -1);
          }
          scan_.add(jets);
          if (!quantiles) { return; }
          training_weights(jets, weights);
          for (std::size_t f = 0; f < jets.features.size(); ++f) {
            quantiles->add_first(f, jets.features[f].data(), weights.data(), jets.rows);
          }
        });
  }

  Normalisation find_normalisation(QuantileFinder& quantiles) {
    quantiles.finish_first();
    plan_.resident ? second_pass_in_memory(quantiles) : second_pass_over_files(quantiles);
    Normalisation found;
    for (std::size_t f = 0; f < reader_.n_features(); ++f) {
      append_range(found, reader_.feature(f).config().name, quantiles.lower(f), quantiles.upper(f));
    }
    return found;
  }

  void second_pass_in_memory(QuantileFinder& quantiles) const {
    constexpr std::int64_t kTile = 4096;
    std::vector<float> values(kTile), weights(kTile);
    for (std::int64_t first = 0; first < training_rows(); first += kTile) {
      std::int64_t const n = std::min(kTile, training_rows() - first);
      records_.copy_weights(first, n, weights.data());
      for (std::size_t f = 0; f < reader_.n_features(); ++f) {
        records_.copy_feature(static_cast<std::int64_t>(f), first, n, values.data());
        quantiles.add_second(f, values.data(), weights.data(), n);
      }
    }
  }

  void second_pass_over_files(QuantileFinder& quantiles) const {
    std::vector<float> weights;
    for_each_ordered<JetColumns>(
        static_cast<std::int64_t>(shards_.blocks().size()), plan_.threads,
        [&](std::int64_t i, JetColumns& jets) { reader_.read(i, jets); },
        [&](std::int64_t, JetColumns const& jets) {
          training_weights(jets, weights);
          for (std::size_t f = 0; f < jets.features.size(); ++f) {
            quantiles.add_second(f, jets.features[f].data(), weights.data(), jets.rows);
          }
        });
  }

  static void training_weights(JetColumns const& jets, std::vector<float>& out) {
    out.resize(jets.status.size());
    for (std::size_t r = 0; r < out.size(); ++r) {
      out[r] = jets.status[r] == JetStatus::training ? jets.weights[r] : 0.0f;
    }
  }

  std::unique_ptr<BatchSource> source(JetStatus side, std::optional<RandomStream> stream) {
    if (plan_.resident) { return std::make_unique<ResidentSource>(records_, order(side, stream)); }
    auto const& rows_of_block =
        side == JetStatus::training ? scan_.training_rows() : scan_.held_out_rows();
    StreamingSource::Context context;
    context.reader = &reader_;
    context.normalisation = &normalisation_;
    context.form = form_;
    context.side = side;
    context.rows_of_block = &rows_of_block;
    context.windows = &windows_;
    context.threads = plan_.threads;
    return std::make_unique<StreamingSource>(context,
                                             WindowOrder(rows_of_block, plan_.window_rows, stream));
  }

  RecordForm const form_;
  Records records_;                 // resident
  std::array<Records, 2> windows_;  // streaming
  JetStatus side_ = JetStatus::training;
  std::unique_ptr<BatchQueue> queue_;  // last: its thread uses all the others
};

Loader::Loader(LoaderSetup const& setup, std::optional<Normalisation> known)
    : work_(std::make_unique<Work>(setup, std::move(known))) {}
Loader::~Loader() = default;
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;

std::int64_t Loader::training_rows() const { return work_->training_rows(); }
std::int64_t Loader::validation_rows() const { return work_->validation_rows(); }
std::int64_t Loader::n_features() const { return work_->needs_.features; }
bool Loader::resident() const { return work_->plan_.resident; }
Normalisation const& Loader::normalisation() const { return work_->normalisation_; }
std::vector<std::string> Loader::feature_units() const {
  std::vector<std::string> units;
  for (std::size_t f = 0; f < work_->reader_.n_features(); ++f) {
    FeatureMap const& map = work_->reader_.feature(f);
    units.push_back(map.config().unit.empty() ? map.file_unit() : map.config().unit);
  }
  return units;
}
BinGrid const& Loader::bins() const { return work_->reader_.bins(); }
std::vector<std::string> Loader::notes() const { return work_->notes(); }
std::string Loader::where(std::int64_t row_number) const {
  return work_->shards_.where(row_number);
}

std::vector<Loader::ShardInfo> Loader::shards() const {
  std::vector<ShardInfo> infos;
  for (Shard const& shard : work_->shards_.shards()) {
    infos.push_back({shard.path, shard.file_bytes, shard.rows});
  }
  return infos;
}

std::string Loader::digest() const { return work_->shards_.digest() + work_->scan_.digest(); }

RecordsView Loader::records() const {
  return work_->resident_records().view(training_rows() + validation_rows());
}
std::int64_t Loader::row_number(std::int64_t record) const {
  return work_->resident_records().row_number(record);
}

RecordOrder Loader::training_order(std::int64_t step, std::int64_t epoch) const {
  return work_->order(JetStatus::training, epoch_stream(work_->setup_.seed, step, epoch));
}
RecordOrder Loader::held_out_order() const {
  return work_->order(JetStatus::held_out, std::nullopt);
}

std::int64_t Loader::training_batches(std::int64_t batch_size) const {
  work_->require_batch_size(batch_size);
  return (training_rows() + batch_size - 1) / batch_size;
}

void Loader::start_epoch(std::int64_t step, std::int64_t epoch, std::int64_t batch_size,
                         std::int64_t first_batch) {
  std::int64_t const batches = training_batches(batch_size);
  JETCAL_REQUIRE(first_batch >= 0 && first_batch <= batches, ConfigError,
                 "loader: first batch is " << first_batch << " (must be from 0 to " << batches
                                           << ", the batches of an epoch)");
  work_->start(JetStatus::training, epoch_stream(work_->setup_.seed, step, epoch), batch_size,
               first_batch);
}

bool Loader::next(Batch& batch) { return work_->next(JetStatus::training, batch, "start_epoch"); }

void Loader::start_validation(std::int64_t batch_size) {
  work_->require_batch_size(batch_size);
  work_->start(JetStatus::held_out, std::nullopt, batch_size, 0);
}

bool Loader::next_validation(Batch& batch) {
  return work_->next(JetStatus::held_out, batch, "start_validation");
}

}  // namespace jetcal::data
