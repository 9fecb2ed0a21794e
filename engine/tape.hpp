#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "engine/errors.hpp"
#include "engine/layout.hpp"
#include "engine/matrix.hpp"

namespace jetcal {

/// Names an entry of a tape; an op reads only entries with smaller ids.
using Id = std::int32_t;

/// The most inputs an op can have.
constexpr std::size_t kMaxInputs = 3;

/// Everything an op sees of one pass. All matrices have `rows` rows and lie on one device.
struct OpIo {
  std::int64_t rows = 0;
  Mat value;                            ///< what forward writes
  Mat saved;                            ///< what forward may keep for backward, or scratch
  bool training = false;                ///< backward will follow
  Mat grad;                             ///< d loss / d value; backward may overwrite it
  std::array<ConstMat, kMaxInputs> in;  ///< the inputs' values
  std::array<Mat, kMaxInputs> in_grad;  ///< no data: nobody asks for this gradient
  std::array<bool, kMaxInputs> add{};   ///< add to in_grad[i] (true) or overwrite it
  Layout const* layout = nullptr;       ///< of parameters and gradients
  float const* parameters = nullptr;    ///< arena
  float const* prepared = nullptr;      ///< this op's parameters as Backend::prepare left them
  std::int64_t prepared_floats = 0;     ///< how many they are
  float* gradients = nullptr;           ///< arena; no data: frozen
  bool add_gradients = false;           ///< continue the sums in `gradients` or start them at 0
  float const* scalars = nullptr;       ///< numbers that change from pass to pass, by index

  /// With data: nobody writes in_grad[i] after this op, and its own op's backward begins by
  /// multiplying it with this. Who does so here spares that op a pass over it.
  std::array<ConstMat, kMaxInputs> in_slope;
  bool sloped = false;  ///< the last writer of `grad` was given such a slope

  OpIo const* next = nullptr;  ///< what the op after this one sees, whose memory may be asked for
};

/// What one pass is run on.
struct PassArguments {
  std::int64_t rows = 0;
  std::vector<ConstMat> inputs;  ///< one for each Tape::input, in the order they were declared
  float const* parameters = nullptr;
  float const* prepared = nullptr;
  float* gradients = nullptr;
  bool add_gradients = false;
  float const* scalars = nullptr;
};

/// A network as a list of coarse ops: recorded once, replayed for every batch.
///
/// An op is a small struct of the list `Ops` that says
///   cols()        columns of its value                 saved()     floats a row it keeps for
///                                                                  backward (or scratch)
///   parameters()  slices of the layout it reads        trainable() whether they get a gradient
///   is_loss()     it starts a backward pass itself     prepared()  floats prepare() makes for it
///   saves_slope() backward begins with grad *= saved, which the last writer of grad may do instead
///   keeps_floats() its value and saved are float32 even where a backend stores narrower numbers
/// and `Backend` has forward(op, io) and backward(op, io) for each: an op without them does not
/// compile. Since an op reads only earlier entries, backward is one loop downwards. Entries that
/// lead to no trainable parameter and no wanted input gradient get no backward.
///
/// The tape itself is immutable after finish() and holds no numbers; they live in a Workspace, of
/// which every thread has its own.
template <class Backend, class... Ops>
class BasicTape {
 public:
  /// A matrix that comes from outside.
  struct Input {
    std::int64_t width = 0;
    bool wants_gradient = false;
  };
  using Op = std::variant<Input, Ops...>;

  struct Entry {
    Op op;
    std::vector<Id> inputs;
    std::int64_t cols = 0;
    std::int64_t saved = 0;
    bool needs_grad = false;     // leads from a trainable parameter or a wanted input gradient
    bool runs_backward = false;  // and leads to a loss
    bool first_use = true;       // in backward order, of its parameters
    bool output = false;
    bool seeded = false;
    std::array<bool, kMaxInputs> add{};
    std::array<bool, kMaxInputs> last{};  // nobody writes this input's gradient later
    bool sloped = false;                  // it saves a slope, and somebody writes its gradient last
    bool keeps_floats = true;             // of value, saved and grad
    std::int64_t value_at = -1, saved_at = -1, grad_at = -1;  // elements a row, times the capacity
    std::int64_t prepared_at = 0, prepared_floats = 0;
    std::int64_t input_index = -1;
  };

  /// The numbers of one tape for up to `capacity` rows.
  struct Workspace {
    float* memory = nullptr;  // capacity * floats_per_row(stored_bytes) floats on its device
    std::int64_t capacity = 0;
    bool can_backward = false;
    std::int64_t stored_bytes = sizeof(float);  // of a number, unless its op keeps_floats()
  };

  explicit BasicTape(Layout layout) : layout_(std::move(layout)) {}

  Id input(std::int64_t cols, bool wants_gradient = false) {
    Id const id = add(Input{cols, wants_gradient}, {}, cols, 0);
    at(id).input_index = n_inputs_++;
    at(id).needs_grad = wants_gradient;
    return id;
  }

  /// Appends an op. Errors: ShapeError if it reads an entry that does not come before it.
  template <class Op_>
  Id record(Op_ const& op, std::vector<Id> inputs) {
    JETCAL_REQUIRE(
        inputs.size() <= kMaxInputs, ShapeError,
        "Tape::record: op has " << inputs.size() << " inputs (at most " << kMaxInputs << ")");
    for (Id const i : inputs) {
      JETCAL_REQUIRE(
          i >= 0 && i < size(), ShapeError,
          "Tape::record: op " << size() << " reads entry " << i << " (it must come earlier)");
    }
    Id const id = add(op, std::move(inputs), op.cols(), op.saved());
    Entry& entry = at(id);
    entry.keeps_floats = op.keeps_floats();
    entry.needs_grad = op.trainable();
    for (Id const i : entry.inputs) { entry.needs_grad = entry.needs_grad || at(i).needs_grad; }
    entry.prepared_at = prepared_size_;
    entry.prepared_floats = op.prepared();
    prepared_size_ += entry.prepared_floats;
    return id;
  }

  /// Keeps an entry's value (and an input's gradient) readable after the pass.
  void output(Id id) { at(id).output = true; }

  /// Says that backward starts at `id` too, from a gradient the caller has written into grad(id).
  void seed(Id id) { at(id).seeded = true; }

  /// Plans memory. `training` false: no backward, and values share memory once they are read.
  void finish(bool training) {
    static std::atomic<std::int64_t> last_id{0};
    id_ = ++last_id;
    training_ = training;
    std::vector<bool> const reached =
        training ? plan_backward() : std::vector<bool>(entries_.size());
    plan_values();
    if (training) { plan_gradients(reached); }
    for (Id id = 0; id < size(); ++id) {
      if (at(id).input_index < 0) { forward_order_.push_back(id); }
    }
    for (Id id = size() - 1; id >= 0; --id) {
      if (at(id).runs_backward && at(id).input_index < 0) { backward_order_.push_back(id); }
    }
    finished_ = true;
  }

  void forward(Backend const& backend, Workspace& work, PassArguments const& pass) const {
    require_ready(work, pass);
    run(forward_order_, work, pass,
        [&](auto const& op, OpIo const& io) { backend.forward(op, io); });
    work.can_backward = training_;
  }

  void backward(Backend const& backend, Workspace& work, PassArguments const& pass) const {
    JETCAL_REQUIRE(
        work.can_backward, Error,
        "Tape::backward: this pass was already differentiated, or never run for training "
        "(run forward first)");
    work.can_backward = false;
    run(backward_order_, work, pass,
        [&](auto const& op, OpIo const& io) { backend.backward(op, io); });
  }

  /// No other tape that was finished has it; copies do.
  std::int64_t id() const { return id_; }

  Id size() const { return static_cast<Id>(entries_.size()); }
  Entry const& operator[](Id id) const { return entries_[static_cast<std::size_t>(id)]; }
  Layout const& layout() const { return layout_; }
  bool training() const { return training_; }

  /// What a Workspace needs, and what prepare() fills, in floats.
  std::int64_t floats_per_row(std::int64_t stored_bytes = sizeof(float)) const {
    constexpr std::int64_t kFloat = sizeof(float);
    return (stored_.size * stored_bytes + floats_.size * kFloat) / kFloat;
  }
  std::int64_t prepared_size() const { return prepared_size_; }

  Mat value(Id id, Workspace const& work, std::int64_t rows) const {
    return value((*this)[id], work, rows);
  }
  Mat saved(Id id, Workspace const& work, std::int64_t rows) const {
    return saved((*this)[id], work, rows);
  }
  Mat grad(Id id, Workspace const& work, std::int64_t rows) const {
    return grad((*this)[id], work, rows);
  }

 private:
  /// Elements a row that matrices take, and those of them that are free again, by their number.
  struct Room {
    std::int64_t size = 0;
    std::map<std::int64_t, std::vector<std::int64_t>> free;

    std::int64_t take(std::int64_t elements) {
      auto const found = free.find(elements);
      if (found != free.end() && !found->second.empty()) {
        std::int64_t const at = found->second.back();
        found->second.pop_back();
        return at;
      }
      size += elements;
      return size - elements;
    }
    void give_back(std::int64_t at, std::int64_t elements) { free[elements].push_back(at); }
  };

  template <class T>
  static constexpr bool is_input = std::is_same_v<std::decay_t<T>, Input>;

  /// From one row to the next: whole cache lines, and no multiple of 256 bytes, which would crowd
  /// a few sets of the first-level cache when a product walks down a column.
  static std::int64_t stride(std::int64_t cols) {
    std::int64_t const line = padded(cols);
    return line % 64 == 0 ? line + 16 : line;
  }

  static bool is_loss(Entry const& entry) {
    return std::visit(
        [](auto const& op) {
          if constexpr (is_input<decltype(op)>) {
            return false;
          } else {
            return op.is_loss();
          }
        },
        entry.op);
  }

  static bool saves_slope(Entry const& entry) {
    return std::visit(
        [](auto const& op) {
          if constexpr (is_input<decltype(op)>) {
            return false;
          } else {
            return op.saves_slope();
          }
        },
        entry.op);
  }

  Entry& at(Id id) { return entries_[static_cast<std::size_t>(id)]; }
  Entry const& at(Id id) const { return entries_[static_cast<std::size_t>(id)]; }

  Id add(Op op, std::vector<Id> inputs, std::int64_t cols, std::int64_t saved) {
    JETCAL_REQUIRE(!finished_, Error, "Tape::record: the tape is finished (record a new one)");
    Entry entry;
    entry.op = std::move(op);
    entry.inputs = std::move(inputs);
    entry.cols = cols;
    entry.saved = saved;
    entries_.push_back(std::move(entry));
    return size() - 1;
  }

  // Which entries a loss or seed reaches; who writes a gradient first; who uses a parameter first.
  std::vector<bool> plan_backward() {
    std::vector<bool> reached(entries_.size(), false);
    std::set<std::int64_t> used;
    for (Id id = size() - 1; id >= 0; --id) {
      Entry& entry = at(id);
      bool const starts = entry.seeded || is_loss(entry);
      auto const here = static_cast<std::size_t>(id);
      entry.runs_backward = entry.needs_grad && (starts || reached[here]);
      if (!entry.runs_backward) { continue; }
      reached[here] = reached[here] || entry.seeded;
      std::visit(
          [&](auto const& op) {
            if constexpr (!is_input<decltype(op)>) {
              for (std::int64_t const slice : op.parameters()) {
                entry.first_use = used.insert(slice).second && entry.first_use;
              }
            }
          },
          entry.op);
      for (std::size_t i = 0; i < entry.inputs.size(); ++i) {
        Id const from = entry.inputs[i];
        if (!at(from).needs_grad) { continue; }
        entry.add[i] = reached[static_cast<std::size_t>(from)] || at(from).seeded;
        reached[static_cast<std::size_t>(from)] = true;
      }
    }
    plan_slopes();
    return reached;
  }

  // Backward goes from the last entry to the first and from an op's first input to its last: the
  // first found here writes last.
  void plan_slopes() {
    for (Id id = 0; id < size(); ++id) {
      Entry& entry = at(id);
      for (std::size_t i = entry.inputs.size(); entry.runs_backward && i > 0; --i) {
        Entry& from = at(entry.inputs[i - 1]);
        entry.last[i - 1] = from.needs_grad && saves_slope(from) && !from.sloped;
        from.sloped = from.sloped || entry.last[i - 1];
      }
    }
  }

  // Values live to the end of a training pass, else to their last reader.
  void plan_values() {
    std::vector<Id> last_reader(entries_.size(), 0);
    for (Id id = 0; id < size(); ++id) {
      for (Id const i : at(id).inputs) { last_reader[static_cast<std::size_t>(i)] = id; }
    }
    for (Id id = 0; id < size(); ++id) {
      Entry& entry = at(id);
      Room& room = room_of(entry);
      if (entry.input_index < 0) { entry.value_at = room.take(stride(entry.cols)); }
      if (entry.saved > 0) { entry.saved_at = room.take(stride(entry.saved)); }
      if (training_) { continue; }
      if (entry.saved > 0 && !is_loss(entry)) {
        room.give_back(entry.saved_at, stride(entry.saved));
      }
      std::set<Id> const inputs(entry.inputs.begin(), entry.inputs.end());
      for (Id const i : inputs) {
        if (last_reader[static_cast<std::size_t>(i)] == id && !at(i).output &&
            at(i).value_at >= 0) {
          room_of(at(i)).give_back(at(i).value_at, stride(at(i).cols));
        }
      }
    }
    stored_.free.clear();
    floats_.free.clear();
  }

  // Gradients live from their first writer down to their own op's backward.
  void plan_gradients(std::vector<bool> const& reached) {
    for (Id id = 0; id < size(); ++id) {
      if (at(id).seeded) { at(id).grad_at = room_of(at(id)).take(stride(at(id).cols)); }
    }
    for (Id id = size() - 1; id >= 0; --id) {
      Entry const& entry = at(id);
      if (!entry.runs_backward) { continue; }
      for (Id const i : entry.inputs) {
        if (at(i).needs_grad && reached[static_cast<std::size_t>(i)] && at(i).grad_at < 0) {
          at(i).grad_at = room_of(at(i)).take(stride(at(i).cols));
        }
      }
      if (entry.grad_at >= 0 && entry.input_index < 0 && !entry.seeded) {
        room_of(entry).give_back(entry.grad_at, stride(entry.cols));
      }
    }
  }

  Room& room_of(Entry const& entry) { return entry.keeps_floats ? floats_ : stored_; }

  void require_ready(Workspace const& work, PassArguments const& pass) const {
    JETCAL_REQUIRE(finished_, Error, "Tape::forward: the tape is not finished (call finish first)");
    JETCAL_REQUIRE(pass.rows <= work.capacity, ShapeError,
                   "Tape::forward: " << pass.rows << " rows but a workspace for " << work.capacity);
    JETCAL_REQUIRE(
        static_cast<std::int64_t>(pass.inputs.size()) == n_inputs_, ShapeError,
        "Tape::forward: " << pass.inputs.size() << " inputs (must be " << n_inputs_ << ")");
    for (Entry const& entry : entries_) {
      if (entry.input_index < 0) { continue; }
      require_shape("Tape::forward", "an input",
                    pass.inputs[static_cast<std::size_t>(entry.input_index)], pass.rows,
                    entry.cols);
    }
  }

  // Elements that are stored come first, then those that are float32.
  Mat mat(Entry const& entry, std::int64_t at, std::int64_t cols, Workspace const& work,
          std::int64_t rows) const {
    if (at < 0) { return {}; }
    std::int64_t const bytes =
        entry.keeps_floats
            ? stored_.size * work.stored_bytes + at * static_cast<std::int64_t>(sizeof(float))
            : at * work.stored_bytes;
    auto* const memory = reinterpret_cast<std::byte*>(work.memory) + bytes * work.capacity;
    return {reinterpret_cast<float*>(memory), rows, cols, stride(cols)};
  }
  Mat value(Entry const& entry, Workspace const& work, std::int64_t rows) const {
    return mat(entry, entry.value_at, entry.cols, work, rows);
  }
  Mat saved(Entry const& entry, Workspace const& work, std::int64_t rows) const {
    return mat(entry, entry.saved_at, entry.saved, work, rows);
  }
  Mat grad(Entry const& entry, Workspace const& work, std::int64_t rows) const {
    return mat(entry, entry.grad_at, entry.cols, work, rows);
  }

  template <class Visit>
  void run(std::vector<Id> const& order, Workspace const& work, PassArguments const& pass,
           Visit const& visit) const {
    std::vector<OpIo> ios;
    ios.reserve(order.size());
    for (Id const id : order) { ios.push_back(io(at(id), work, pass)); }
    for (std::size_t i = 1; i < ios.size(); ++i) { ios[i - 1].next = &ios[i]; }
    for (std::size_t i = 0; i < order.size(); ++i) {
      std::visit(
          [&](auto const& op) {
            if constexpr (!is_input<decltype(op)>) { visit(op, ios[i]); }
          },
          at(order[i]).op);
    }
  }

  OpIo io(Entry const& entry, Workspace const& work, PassArguments const& pass) const {
    OpIo io;
    io.rows = pass.rows;
    io.value = value(entry, work, pass.rows);
    io.saved = saved(entry, work, pass.rows);
    io.training = training_;
    io.grad = grad(entry, work, pass.rows);
    for (std::size_t i = 0; i < entry.inputs.size(); ++i) {
      Entry const& from = at(entry.inputs[i]);
      io.in[i] = from.input_index >= 0 ? pass.inputs[static_cast<std::size_t>(from.input_index)]
                                       : ConstMat(value(from, work, pass.rows));
      if (from.needs_grad) { io.in_grad[i] = grad(from, work, pass.rows); }
      io.add[i] = entry.add[i];
      if (entry.last[i]) { io.in_slope[i] = saved(from, work, pass.rows); }
    }
    io.sloped = entry.sloped;
    io.layout = &layout_;
    io.parameters = pass.parameters;
    io.prepared = pass.prepared == nullptr ? nullptr : pass.prepared + entry.prepared_at;
    io.prepared_floats = entry.prepared_floats;
    io.gradients = pass.gradients;
    io.add_gradients = pass.add_gradients || !entry.first_use;
    io.scalars = pass.scalars;
    return io;
  }

  Layout layout_;
  std::vector<Entry> entries_;
  std::vector<Id> forward_order_, backward_order_;  // the ops that run
  std::int64_t id_ = 0;
  std::int64_t n_inputs_ = 0;
  Room stored_, floats_;
  std::int64_t prepared_size_ = 0;
  bool training_ = false;
  bool finished_ = false;
};

}  // namespace jetcal
