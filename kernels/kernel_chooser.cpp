#include "kernels/kernel_chooser.cuh"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "kernels/cuda_backend.cuh"
#include "kernels/launch_checks.cuh"

namespace jetcal::cuda {
namespace {

constexpr int kRounds = 3;
constexpr int kRunsOfARound = 4;  // one after the other, so that the host does not hold them up

/// Two marks on a stream, and the time between them.
class Stopwatch {
 public:
  explicit Stopwatch(cudaStream_t stream) : stream_(stream) {
    for (cudaEvent_t& event : events_) { require_success(cudaEventCreate(&event), "an event"); }
  }
  ~Stopwatch() {
    for (cudaEvent_t const event : events_) { static_cast<void>(cudaEventDestroy(event)); }
  }
  Stopwatch(Stopwatch const&) = delete;
  Stopwatch& operator=(Stopwatch const&) = delete;

  /// Milliseconds on the device of one of a few runs in a row.
  double time_ms(std::function<void()> const& run) const {
    require_success(cudaEventRecord(events_[0], stream_), "an event");
    for (int i = 0; i < kRunsOfARound; ++i) { run(); }
    require_success(cudaEventRecord(events_[1], stream_), "an event");
    require_success(cudaEventSynchronize(events_[1]), "waiting for a measured kernel");
    float ms = 0;
    require_success(cudaEventElapsedTime(&ms, events_[0], events_[1]), "the time of a kernel");
    return static_cast<double>(ms) / kRunsOfARound;
  }

 private:
  cudaStream_t stream_;
  cudaEvent_t events_[2] = {};
};

/// A tape of the one op that is measured. Its backward computes just the gradients of `shape.op`.
Tape tape_of(KernelShape const& shape) {
  Layout layout;
  if (shape.op == KernelOp::softmax_gate) {
    Tape tape(layout);
    Id const logits = tape.input(shape.inputs, true), h = tape.input(shape.inputs, true);
    tape.seed(tape.record(SoftmaxGate{shape.inputs, 1}, {logits, h}));
    tape.finish(true);
    return tape;
  }
  Dense dense;
  dense.weight = layout.add("weight", shape.inputs, shape.outputs);
  dense.bias = layout.add("bias", 1, shape.outputs);
  dense.inputs = shape.inputs;
  dense.outputs = shape.outputs;
  dense.train = shape.op != KernelOp::dense_backward_data;
  Tape tape(layout);
  Id const x = tape.input(shape.inputs, shape.op == KernelOp::dense_backward_data);
  tape.seed(tape.record(dense, {x}));
  tape.finish(true);
  return tape;
}

/// Memory of a pass through such a tape, all 0, which every precision stores alike: the time of a
/// product does not depend on its numbers.
class Pass {
 public:
  Pass(Context& context, Tape const& tape, std::int64_t rows, std::int64_t n_lanes)
      : tape_(tape),
        lanes_(rows, n_lanes),
        values_(context, tape.floats_per_row() * rows),
        parameters_(context, 2 * tape.layout().size() + tape.prepared_size()),
        other_lanes_(context, (lanes_.count - 1) * tape.layout().size()) {
    for (Id id = 0; id < tape.size(); ++id) {
      if (tape[id].input_index < 0) { continue; }
      std::int64_t const cols = tape[id].cols, ld = padded(cols);
      inputs_.emplace_back(context, rows * ld);
      arguments_.inputs.push_back({inputs_.back().data(), rows, cols, ld});
    }
    arguments_.rows = rows;
    arguments_.parameters = parameters_.data();
    arguments_.gradients = parameters_.data() + tape.layout().size();
    arguments_.prepared = arguments_.gradients + tape.layout().size();
    work_ = {values_.data(), rows, false};
  }

  /// Our kernels, or those of `vendor`, as they run in a pass.
  std::unique_ptr<Backend> backend(Precision precision, cudaStream_t stream,
                                   VendorKernels const& vendor) {
    LaneArenas const arenas{arguments_.gradients, other_lanes_.data(), tape_.layout().size()};
    return make_cuda_backend(precision, stream, lanes_, arenas, vendor);
  }

  /// Runs what `op` names, forward, backward or both.
  void run(Backend const& backend, KernelOp op) {
    bool const forward = op == KernelOp::dense_forward || op == KernelOp::softmax_gate;
    if (forward) { tape_.forward(backend, work_, arguments_); }
    if (op == KernelOp::dense_forward) { return; }
    work_.can_backward = true;
    tape_.backward(backend, work_, arguments_);
  }

  /// Bytes it takes for one row.
  static std::int64_t bytes_a_row(Tape const& tape) {
    std::int64_t floats = tape.floats_per_row();
    for (Id id = 0; id < tape.size(); ++id) {
      if (tape[id].input_index >= 0) { floats += padded(tape[id].cols); }
    }
    return floats * static_cast<std::int64_t>(sizeof(float));
  }

 private:
  Tape const& tape_;
  Lanes lanes_;
  Buffer values_, parameters_, other_lanes_;
  std::vector<Buffer> inputs_;
  PassArguments arguments_;
  Tape::Workspace work_;
};

/// Opens a library if it is wanted. With `auto` a missing one is worth a remark, no more, unless
/// the run has chosen it before.
template <class Library>
void open(std::optional<Library>& library, Context& context, bool by_name, bool automatic,
          bool chosen_before, std::function<void(std::string const&)> const& note) {
  if (!by_name && !automatic) { return; }
  try {
    library.emplace(context);
  } catch (DeviceError const& e) {
    if (by_name || chosen_before) { throw; }
    note(std::string(e.what()) + ". With auto ours are taken");
  }
}

bool has_chosen(KernelChoices const& choices, std::string_view kernels) {
  return std::any_of(choices.begin(), choices.end(),
                     [&](auto const& choice) { return choice.second == kernels; });
}

}  // namespace

KernelChooser::KernelChooser(Context& context, ExecutionOptions const& options)
    : context_(context), options_(options) {
  bool const any_dense = options.dense_kernels == DenseKernels::automatic;
  bool const any_softmax = options.softmax_kernels == SoftmaxKernels::automatic;
  open(cublas_, context, options.dense_kernels == DenseKernels::cublas, any_dense,
       has_chosen(options.kernel_choices, name(DenseKernels::cublas)), options.note);
  open(cudnn_, context, options.softmax_kernels == SoftmaxKernels::cudnn, any_softmax,
       has_chosen(options.kernel_choices, name(SoftmaxKernels::cudnn)), options.note);
  if ((any_dense && cublas_.has_value()) || (any_softmax && cudnn_.has_value())) {
    cache_.emplace(KernelCache::default_file(), card(), options.note);
    choices_ = options.kernel_choices;
  }
}

VendorKernels KernelChooser::kernels() const {
  return {cublas_.has_value() ? &*cublas_ : nullptr, cudnn_.has_value() ? &*cudnn_ : nullptr,
          &wanted_};
}

std::int64_t KernelChooser::memory() const {
  return cublas_.has_value() ? cublas_->workspace_bytes() : 0;
}

std::string KernelChooser::card() const {
  cudaDeviceProp properties{};
  int driver = 0, runtime = 0;
  require_success(cudaGetDeviceProperties(&properties, context_.device().index),
                  "asking for the device's name");
  require_success(cudaDriverGetVersion(&driver), "asking for the driver's version");
  require_success(cudaRuntimeGetVersion(&runtime), "asking for the runtime's version");
  std::ostringstream card;
  card << properties.name << ", compute capability " << properties.major << "." << properties.minor
       << ", driver " << driver << ", runtime " << runtime;
  if (cublas_.has_value()) { card << ", cuBLAS " << cublas_->version(); }
  if (cudnn_.has_value()) { card << ", cuDNN " << cudnn_->version(); }
  return card.str();
}

void KernelChooser::decide(Tape const& tape, std::int64_t rows) {
  bool const dense = options_.dense_kernels == DenseKernels::automatic && cublas_.has_value();
  bool const softmax = options_.softmax_kernels == SoftmaxKernels::automatic && cudnn_.has_value();
  if (rows == 0) { return; }
  auto const product = [&](auto const& op, bool forward) {
    auto const one = [&](KernelOp which) {
      decide(KernelShape::of(which, rows, op.inputs, op.outputs), name(DenseKernels::cublas));
    };
    if (!dense) { return; }
    if (forward) { one(KernelOp::dense_forward); }
    if (tape.training()) {
      one(KernelOp::dense_backward_data);
      one(KernelOp::dense_backward_weights);
    }
  };
  for (Id id = 0; id < tape.size(); ++id) {
    auto const& op = tape[id].op;
    if (auto const* const layer = std::get_if<Dense>(&op)) {
      product(*layer, true);
    } else if (auto const* const head = std::get_if<Head>(&op)) {
      product(*head, false);
    } else if (auto const* const gate = std::get_if<SoftmaxGate>(&op); gate != nullptr && softmax) {
      decide(KernelShape::of(KernelOp::softmax_gate, rows, gate->width, gate->width),
             name(SoftmaxKernels::cudnn));
    }
  }
}

void KernelChooser::decide(KernelShape const& shape, std::string_view vendor) {
  if (wanted_.count(shape) != 0) { return; }
  std::string const what = text(shape);
  auto const known = [&](std::string const& kernels) {
    return kernels == "own" || kernels == vendor;
  };
  std::string kernels;
  if (auto const before = options_.kernel_choices.find(what);
      before != options_.kernel_choices.end() && known(before->second)) {
    kernels = before->second;
  } else {
    std::string const key = std::string(name(options_.precision)) + ", " + what;
    std::optional<MeasuredKernels> measured = cache_->find(key);
    if (!measured.has_value() || !known(measured->kernels)) {
      measured = measure(shape, vendor);
      cache_->add(key, *measured);
    }
    kernels = measured->kernels;
  }
  wanted_[shape] = kernels == vendor;
  choices_[what] = kernels;
}

// Each way once to warm up, then in turns; the least of a few rounds counts.
MeasuredKernels KernelChooser::measure(KernelShape const& shape, std::string_view vendor) {
  Tape const tape = tape_of(shape);
  std::int64_t rows = shape.rows;
  // Where memory is short, fewer rows must do.
  while (rows > 1 && Pass::bytes_a_row(tape) * rows > context_.free_bytes() / 2) { rows /= 2; }
  Pass pass(context_, tape, rows, options_.lanes);
  VendorKernels const theirs{cublas_.has_value() ? &*cublas_ : nullptr,
                             cudnn_.has_value() ? &*cudnn_ : nullptr, nullptr};
  auto const our_backend = pass.backend(options_.precision, context_.stream(), {});
  auto const their_backend = pass.backend(options_.precision, context_.stream(), theirs);
  auto const own = [&] { pass.run(*our_backend, shape.op); };
  auto const other = [&] { pass.run(*their_backend, shape.op); };
  Stopwatch const watch(context_.stream());
  own();
  other();
  MeasuredKernels found;
  found.own_ms = found.vendor_ms = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    found.own_ms = std::min(found.own_ms, watch.time_ms(own));
    found.vendor_ms = std::min(found.vendor_ms, watch.time_ms(other));
  }
  context_.synchronize();
  found.kernels = found.vendor_ms < found.own_ms ? std::string(vendor) : "own";
  return found;
}

}  // namespace jetcal::cuda
