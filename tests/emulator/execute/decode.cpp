// Decodes a kernel.
#include "tests/emulator/execute/decode.hpp"

#include "tests/emulator/execute/device_calls.hpp"
#include "tests/emulator/execute/layout.hpp"
#include "tests/emulator/execute/select.hpp"
#include "tests/emulator/ptx/inline.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace emulator {

Types types_of(ptx::Statement const& s) {
  Types types;
  for (std::size_t part = 1; part < s.opcode.size(); ++part) {
    Type const type = type_named(s.opcode[part]);
    if (type == Type::none) { continue; }
    if (types.first == Type::none) {
      types.first = type;
    } else if (types.second == Type::none) {
      types.second = type;
    }
  }
  return types;
}

namespace {

std::string demangled(std::string const& symbol) {
  int status = 0;
  char* const text = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  std::string result = status == 0 && text != nullptr ? text : symbol;
  std::free(text);
  for (std::string const noise : {"(anonymous namespace)::", "void "}) {
    for (std::size_t at = result.find(noise); at != std::string::npos; at = result.find(noise)) {
      result.erase(at, noise.size());
    }
  }
  return result;
}

class Decoder {
 public:
  Decoder(ptx::Module const& module, ptx::Function const& entry,
          std::map<std::string, u64> const& symbols)
      : module_(module),
        function_(ptx::without_calls(module, entry)),
        variables_(module, function_, symbols, kernel_),
        registers_(function_.registers) {}

  Kernel run() {
    kernel_.symbol = function_.name;
    kernel_.name = demangled(function_.name);
    kernel_.source = &module_;
    kernel_.max_threads = function_.max_threads;
    for (ptx::Statement const& s : function_.statements) {
      try {
        kernel_.code.push_back(instruction(s));
      } catch (std::runtime_error const& error) {
        throw std::runtime_error("PTX line " + std::to_string(s.line) + " (" +
                                 module_.place(s.location) + "): " + s.text + ": " + error.what());
      }
    }
    Instruction end;
    end.control = Control::exit;
    end.cls = Class::control;
    end.text = "(end of the kernel)";
    kernel_.code.push_back(end);
    registers_.place(kernel_);
    if (kernel_.code.size() > 0xffff) { throw std::runtime_error("more than 65535 instructions"); }
    return std::move(kernel_);
  }

 private:
  Slot slot_of(ptx::Operand const& o, u8 bytes) {
    using Kind = ptx::Operand::Kind;
    switch (o.kind) {
      case Kind::reg: {
        Slot slot = registers_.of(o.reg);
        slot.negated = o.negated;
        return slot;
      }
      case Kind::number:
        if (o.number_type == Type::F32 && bytes == 8) {
          throw std::runtime_error("a float where 8 bytes are wanted");
        }
        return registers_.constant(o.number, bytes);
      case Kind::symbol:
        return registers_.constant(variables_.address_of(o.name) + static_cast<u64>(o.offset),
                                   bytes);
      case Kind::special:
        return registers_.special(o.name);
      case Kind::nothing:
        return {};
      default:
        throw std::runtime_error("an operand the emulator does not understand");
    }
  }

  /// Bytes of the cell of source `index` (counted without the destination).
  static u8 source_bytes(ptx::Statement const& s, Types types, std::size_t index) {
    std::string const& name = s.opcode[0];
    int bytes = bytes_of(types.first);
    bool const amounts = ((name == "shl" || name == "shr" || name == "bfe") && index >= 1) ||
                         (name == "bfi" && index >= 2);
    if (amounts || name == "shfl" || name == "vote" || name == "redux" || name == "bar" ||
        name == "cp") {
      bytes = 4;
    }
    if (name == "match" && index >= 1) { bytes = 4; }
    if ((name == "mul" || name == "mad") && s.has("wide")) {
      bytes = index == 2 ? 2 * bytes : bytes;
    }
    if (name == "cvt" || name == "set" || (name == "slct" && index == 2)) {
      bytes = bytes_of(types.second);
    }
    if ((name == "cvt") && (types.first == Type::BF16x2 || types.first == Type::F16x2)) {
      bytes = 4;
    }
    if (name == "mov" && s.operands[1].kind == ptx::Operand::Kind::list) {
      bytes /= static_cast<int>(s.operands[1].list.size());
    }
    return bytes == 8 ? 8 : 4;
  }

  Instruction instruction(ptx::Statement const& s) {
    Instruction i;
    i.line = s.line;
    i.location = s.location;
    i.text = s.text;
    i.guard_negated = s.guard_negated;
    if (s.guard >= 0) { i.guard = registers_.of(s.guard).at; }
    if (control_flow(s, i)) { return i; }
    Choice const choice = choose(s);
    if (choice.run == nullptr) {
      throw std::runtime_error("this form is not supported by the emulator");
    }
    Types const types = types_of(s);
    i.run = choice.run;
    i.inner = choice.inner;
    i.cls = choice.cls;
    i.control = choice.control;
    i.variant = choice.variant;
    i.sync_operand = choice.sync_operand;
    i.type = types.first;
    i.source_type = types.second;
    i.space = space_of(s);
    operands(s, types, i);
    check_widths(s, types, i);
    return i;
  }

  static Choice choose(ptx::Statement const& s) {
    for (auto* family :
         {select_integer, select_bits, select_float, select_narrow, select_compare, select_convert,
          select_move, select_memory, select_atomic, select_async, select_warp, select_matrix}) {
      if (Choice const choice = family(s); choice.run != nullptr) { return choice; }
    }
    return {};
  }

  int label(std::string const& name) const {
    auto const found = function_.labels.find(name);
    if (found == function_.labels.end()) {
      throw std::runtime_error("the label " + name + " does not exist");
    }
    return found->second;
  }

  bool control_flow(ptx::Statement const& s, Instruction& i) {
    std::string const& name = s.opcode[0];
    i.cls = Class::control;
    if (name == "bra") {
      i.control = Control::branch;
      i.target = label(s.operands.at(0).name);
    } else if (name == "brx") {
      i.control = Control::indexed;
      i.from[0] = slot_of(s.operands.at(0), 4);
      auto const targets = function_.branch_targets.find(s.operands.at(1).name);
      if (targets == function_.branch_targets.end()) {
        throw std::runtime_error("no .branchtargets");
      }
      for (std::string const& target : targets->second) { i.targets.push_back(label(target)); }
    } else if (name == "ret" || name == "exit") {
      i.control = Control::exit;
    } else if (name == "call") {
      device_call(s, i);
    } else if (name == "trap" || name == "brkpt") {
      i.run = device_trap;
    } else {
      return false;
    }
    return true;
  }

  // call __assertfail, (param0, ...): where in local memory the arguments lie.
  void device_call(ptx::Statement const& s, Instruction& i) {
    bool const has_result = s.operands.at(0).kind == ptx::Operand::Kind::list;
    std::string const& callee = s.operands.at(has_result ? 1 : 0).name;
    i.run = device_function(callee);
    if (i.run == nullptr) {
      throw std::runtime_error("the device function " + callee +
                               " is not supported by the emulator");
    }
    std::size_t const arguments_at = has_result ? 2 : 1;
    std::size_t next = 0;
    for (ptx::Operand const& argument : s.operands.at(arguments_at).list) {
      i.from.at(next++) = registers_.constant(variables_.address_of(argument.name), 8);
    }
    if (has_result) {
      i.to[0] = registers_.constant(variables_.address_of(s.operands[0].list.at(0).name), 8);
    }
  }

  void address(ptx::Operand const& o, Slot& base, s64& offset, Instruction& i) {
    offset = o.offset;
    if (o.reg >= 0) {
      base = registers_.of(o.reg);
      return;
    }
    base = {};
    if (o.name.empty()) { return; }
    offset += static_cast<s64>(variables_.address_of(o.name));
    if (i.space == Space::param && variables_.is_local(o.name)) {
      i.space = Space::local;
      i.cls = Class::load_param;
      make_local_access(i);
    }
  }

  /// ld.param and st.param of a call's variables: accesses to local memory.
  void make_local_access(Instruction& i) {
    ptx::Statement s;
    s.opcode = {i.text.find("st.") != std::string::npos ? "st" : "ld", "local",
                i.type == Type::F64 || bytes_of(i.type) == 8 ? "b64"
                : bytes_of(i.type) == 4                      ? "b32"
                : bytes_of(i.type) == 2                      ? "b16"
                                                             : "b8"};
    i.run = select_memory(s).run;
  }

  void operands(ptx::Statement const& s, Types types, Instruction& i) {
    std::string const& name = s.opcode[0];
    bool const no_destination = name == "st" || name == "red" || name == "cp" ||
                                name == "prefetch" || name == "prefetchu" || name == "membar" ||
                                name == "fence" ||
                                ((name == "bar" || name == "barrier") && !s.has("red"));
    std::size_t to = 0, from = 0, addresses = 0;
    for (std::size_t n = 0; n < s.operands.size(); ++n) {
      ptx::Operand const& o = s.operands[n];
      bool const destination = n == 0 && !no_destination;
      if (o.kind == ptx::Operand::Kind::address) {
        Slot& base = name == "st" ? i.to[0] : i.from.at(from++);
        address(o, base, i.offset.at(addresses++), i);
      } else if (o.kind == ptx::Operand::Kind::list) {
        if (destination || o.list.size() > 1) {
          i.vector = std::max(i.vector, static_cast<u8>(o.list.size()));
        }
        for (ptx::Operand const& part : o.list) {
          if (destination) {
            i.to.at(to++) = slot_of(part, 4);
          } else {
            i.from.at(from++) = slot_of(part, source_bytes(s, types, n - 1));
          }
        }
      } else if (destination) {
        i.to[0] = slot_of(o, 4);
        if (o.second >= 0) { i.to[1] = registers_.of(o.second); }
      } else if (skipped(s, n)) {
        continue;
      } else {
        i.from.at(from++) = slot_of(o, source_bytes(s, types, no_destination ? n : n - 1));
      }
    }
    note_shared_width(s, i);
  }

  /// Operands that are part of the form: the number of a barrier, the size of a cp.async.
  static bool skipped(ptx::Statement const& s, std::size_t n) {
    std::string const& name = s.opcode[0];
    if (name == "bar" || name == "barrier") {
      return !s.has("warp") && n <= 1 && s.operands[n].kind == ptx::Operand::Kind::number;
    }
    return name == "cp" && n == 2;
  }

  void note_shared_width(ptx::Statement const& s, Instruction const& i) {
    std::string const& name = s.opcode[0];
    if (name != "ld" && name != "st" && name != "atom" && name != "red") { return; }
    if (i.space != Space::shared && i.space != Space::generic) { return; }
    kernel_.shared_granule = std::min({kernel_.shared_granule, bytes_of(i.type) * i.vector, 4});
  }

  /// Functions that work on whole rows rely on the registers having the width of the type.
  static void check_widths(ptx::Statement const& s, Types types, Instruction const& i) {
    std::string const& name = s.opcode[0];
    static std::vector<std::string> const any_width = {
        "ld",   "ldu",  "st",   "mov",      "cp",    "bar",      "barrier",
        "setp", "selp", "vote", "isspacep", "testp", "prefetch", "prefetchu"};
    if (std::find(any_width.begin(), any_width.end(), name) != any_width.end() ||
        i.space != Space::generic) {
      return;
    }
    for (std::size_t n = 0; n < i.from.size(); ++n) {
      if (i.from[n].there() && i.from[n].bytes != 0 &&
          i.from[n].bytes != source_bytes(s, types, n) && name != "ldmatrix") {
        throw std::runtime_error(
            "a register of another width than the type is not supported by the emulator");
      }
    }
  }

  ptx::Module const& module_;
  ptx::Function const function_;
  Kernel kernel_;
  VariableLayout const variables_;
  RegisterLayout registers_;
};

}  // namespace

Kernel decode(ptx::Module const& module, ptx::Function const& entry,
              std::map<std::string, u64> const& symbols) {
  return Decoder(module, entry, symbols).run();
}

}  // namespace emulator
