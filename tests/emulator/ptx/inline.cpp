// Replaces calls by bodies: registers get new numbers, labels and variables new names; parameters
// and results become the variables of the caller that were handed over.
#include "tests/emulator/ptx/inline.hpp"

#include <stdexcept>
#include <utility>

namespace emulator::ptx {
namespace {

constexpr int kDeepest = 64;

/// How names of one body become names of the result.
struct Frame {
  int first_register = 0;
  std::string prefix;  ///< of labels and variables; empty for the entry
  std::map<std::string, std::string>
      symbols;      ///< parameters and results -> variables of the caller
  std::string end;  ///< label behind the body; empty for the entry
};

class Inliner {
 public:
  explicit Inliner(Module const& module) : module_(module) {}

  Function run(Function const& entry) {
    result_ = entry;
    result_.registers.clear();
    result_.statements.clear();
    result_.variables.clear();
    result_.labels.clear();
    result_.branch_targets.clear();
    add_body(entry, Frame{}, 0);
    return std::move(result_);
  }

 private:
  void add_body(Function const& f, Frame frame, int depth) {
    if (depth > kDeepest) {
      throw std::runtime_error("calls of " + f.name + " are nested too deeply (recursion?)");
    }
    frame.first_register = static_cast<int>(result_.registers.size());
    result_.registers.insert(result_.registers.end(), f.registers.begin(), f.registers.end());
    for (Variable v : f.variables) {
      frame.symbols[v.name] = frame.prefix + v.name;
      v.name = frame.prefix + v.name;
      result_.variables.push_back(std::move(v));
    }
    for (auto const& [name, labels] : f.branch_targets) {
      for (std::string const& label : labels) {
        result_.branch_targets[frame.prefix + name].push_back(frame.prefix + label);
      }
    }
    std::multimap<int, std::string> labels;
    for (auto const& [name, index] : f.labels) { labels.emplace(index, name); }
    for (int index = 0; index <= static_cast<int>(f.statements.size()); ++index) {
      auto const [first, last] = labels.equal_range(index);
      for (auto label = first; label != last; ++label) { set_label(frame.prefix + label->second); }
      if (index < static_cast<int>(f.statements.size())) {
        add_statement(f, f.statements[static_cast<std::size_t>(index)], frame, depth);
      }
    }
    if (!frame.end.empty()) { set_label(frame.end); }
  }

  void set_label(std::string const& name) {
    result_.labels[name] = static_cast<int>(result_.statements.size());
  }

  void rename(Operand& o, Frame const& frame, Function const& f) const {
    if (o.reg >= 0) { o.reg += frame.first_register; }
    if (o.second >= 0) { o.second += frame.first_register; }
    if (o.kind != Operand::Kind::special && !o.name.empty()) {
      if (auto const known = frame.symbols.find(o.name); known != frame.symbols.end()) {
        o.name = known->second;
      } else if (f.labels.count(o.name) != 0 || f.branch_targets.count(o.name) != 0) {
        o.name = frame.prefix + o.name;
      }
    }
    for (Operand& inner : o.list) { rename(inner, frame, f); }
  }

  void add_statement(Function const& f, Statement s, Frame const& frame, int depth) {
    if (s.guard >= 0) { s.guard += frame.first_register; }
    for (Operand& o : s.operands) { rename(o, frame, f); }
    if (s.opcode[0] == "call") {
      add_call(std::move(s), depth);
    } else if (s.opcode[0] == "ret" && !frame.end.empty()) {
      result_.statements.push_back(branch(s, frame.end, s.guard, s.guard_negated));
    } else {
      result_.statements.push_back(std::move(s));
    }
  }

  static Statement branch(Statement const& like, std::string const& label, int guard,
                          bool negated) {
    Statement s = like;
    s.opcode = {"bra"};
    s.guard = guard;
    s.guard_negated = negated;
    Operand target;
    target.kind = Operand::Kind::symbol;
    target.name = label;
    s.operands = {target};
    return s;
  }

  void add_call(Statement s, int depth) {
    bool const has_result = !s.operands.empty() && s.operands[0].kind == Operand::Kind::list;
    std::size_t const callee_at = has_result ? 1 : 0;
    if (s.operands.size() <= callee_at || s.operands[callee_at].kind != Operand::Kind::symbol) {
      throw std::runtime_error("PTX line " + std::to_string(s.line) +
                               ": calls through pointers are not supported");
    }
    std::string const name = s.operands[callee_at].name;
    auto const found = module_.functions.find(name);
    if (found == module_.functions.end() || !found->second->defined) {
      result_.statements.push_back(std::move(s));
      return;
    }
    Function const& callee = *found->second;
    std::string const id = "call" + std::to_string(calls_++) + ":";
    Frame frame;
    frame.prefix = id;
    frame.end = id + "end";
    auto bind = [&](std::vector<Variable> const& formal, std::size_t at) {
      std::vector<Operand> const none;
      std::vector<Operand> const& actual = at < s.operands.size() ? s.operands[at].list : none;
      if (formal.size() != actual.size()) {
        throw std::runtime_error("call of " + name + " with another number of arguments");
      }
      for (std::size_t i = 0; i < formal.size(); ++i) {
        frame.symbols[formal[i].name] = actual[i].name;
      }
    };
    if (has_result) { bind(callee.results, 0); }
    bind(callee.parameters, callee_at + 1);
    if (s.guard >= 0) {
      result_.statements.push_back(branch(s, frame.end, s.guard, !s.guard_negated));
    }
    add_body(callee, frame, depth + 1);
  }

  Module const& module_;
  Function result_;
  int calls_ = 0;
};

}  // namespace

Function without_calls(Module const& module, Function const& entry) {
  return Inliner(module).run(entry);
}

}  // namespace emulator::ptx
