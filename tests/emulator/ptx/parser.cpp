// Parses the text of a PTX module: directives, variables, functions; statements are in
// statement.cpp.
#include "tests/emulator/ptx/parser.hpp"

#include <algorithm>
#include <utility>

namespace emulator::ptx {

bool Statement::has(char const* modifier) const {
  return std::find(opcode.begin() + 1, opcode.end(), modifier) != opcode.end();
}

std::string Module::place(int location) const {
  auto text = [this](int index) {
    Location const& at = locations[static_cast<std::size_t>(index)];
    auto const file = files.find(at.file);
    std::string name = file == files.end() ? "?" : file->second;
    if (auto const slash = name.rfind('/'); slash != std::string::npos) {
      name = name.substr(slash + 1);
    }
    return name + ":" + std::to_string(at.line);
  };
  if (location == 0) { return "?"; }
  std::string result = text(location);
  int caller = locations[static_cast<std::size_t>(location)].inlined_at;
  for (; caller != 0; caller = locations[static_cast<std::size_t>(caller)].inlined_at) {
    result += " (inlined at " + text(caller) + ")";
  }
  return result;
}

Parser::Parser(std::string const& text) : text_(text), tokens_(tokens_of(text)) {}

void Parser::fail(std::string const& what) const {
  throw std::runtime_error("PTX line " + std::to_string(peek().line) + ": " + what);
}

Token const& Parser::next() {
  Token const& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) { ++at_; }
  return token;
}

bool Parser::eat(std::string_view text) {
  if (peek().text != text || ended()) { return false; }
  next();
  return true;
}

void Parser::need(std::string_view text) {
  if (!eat(text)) {
    fail("'" + std::string(peek().text) + "' where '" + std::string(text) + "' was expected");
  }
}

std::string Parser::word() {
  if (ended()) { fail("the text ends in the middle"); }
  return std::string(next().text);
}

void Parser::skip_line() {
  while (!ended() && !peek().first_of_line) { next(); }
}

void Parser::skip_braces() {
  need("{");
  for (int depth = 1; depth != 0;) {
    if (ended()) { fail("a '{' without its '}'"); }
    std::string_view const text = next().text;
    depth += text == "{" ? 1 : text == "}" ? -1 : 0;
  }
}

s64 Parser::integer() {
  bool const negative = eat("-");
  std::string const digits = word();
  try {
    s64 const value = static_cast<s64>(std::stoull(digits, nullptr, 0));
    return negative ? -value : value;
  } catch (std::exception const&) { fail("'" + digits + "' is no number"); }
}

// .align 4 .b8 name[12] = {...}: the space has been read; several declarators end with one ';'.
std::vector<Variable> Parser::variables(Space space) {
  std::vector<Variable> found;
  u64 align = 0;
  Type type = Type::none;
  u64 lanes = 1;
  while (peek().text.substr(0, 1) == ".") {
    std::string const name = word();
    if (name == ".align") {
      align = static_cast<u64>(integer());
    } else if (name == ".v2" || name == ".v4") {
      lanes = name == ".v2" ? 2 : 4;
    } else if (name == ".attribute") {
      fail(".attribute of a variable is not supported by the emulator (managed memory?)");
    } else if (Type const t = type_named(name.substr(1)); t != Type::none) {
      type = t;
    }
  }
  u64 const element = static_cast<u64>(bytes_of(type));
  do {
    Variable v;
    v.name = word();
    v.space = space;
    v.align = std::max({align, element * lanes, u64(1)});
    v.bytes = element * lanes;
    while (eat("[")) {
      if (eat("]")) {
        v.external = true;
        v.bytes = 0;
      } else {
        v.bytes *= static_cast<u64>(integer());
        need("]");
      }
    }
    if (eat("=")) { initial_value(v, element); }
    found.push_back(std::move(v));
  } while (eat(","));
  return found;
}

void Parser::initial_value(Variable& v, u64 element) {
  bool const braces = eat("{");
  auto one = [&] {
    u64 value = 0;
    bool const generic = eat("generic");
    if (generic) { need("("); }
    std::string_view const begin = peek().text;
    bool const number = begin == "-" || (!begin.empty() && begin[0] >= '0' && begin[0] <= '9');
    if (number && (begin.substr(0, 2) == "0f" || begin.substr(0, 2) == "0d")) {
      value = std::stoull(word().substr(2), nullptr, 16);
    } else if (number) {
      value = static_cast<u64>(integer());
    } else {
      v.addresses.emplace_back(v.initial.size(), word());
      if (generic) { need(")"); }
      if (eat("+")) { value = static_cast<u64>(integer()); }
    }
    for (u64 byte = 0; byte < element; ++byte) { v.initial.push_back(u8(value >> (8 * byte))); }
  };
  do { one(); } while (braces && eat(","));
  if (braces) { need("}"); }
}

std::vector<Variable> Parser::parameter_list() {
  std::vector<Variable> list;
  need("(");
  while (!eat(")")) {
    eat(",");
    if (word() != ".param") { fail("a parameter that is no .param"); }
    Variable v;
    u64 align = 0, element = 0;
    while (peek().text.substr(0, 1) == ".") {
      std::string const name = word();
      if (name == ".ptr") {  // what it points to: not the parameter's own
        while (peek().text.substr(0, 1) == ".") {
          if (word() == ".align") { integer(); }
        }
      } else if (name == ".align") {
        align = static_cast<u64>(integer());
      } else if (Type const t = type_named(name.substr(1)); t != Type::none) {
        element = static_cast<u64>(bytes_of(t));
      }
    }
    v.name = word();
    v.space = Space::param;
    v.align = std::max({align, element, u64(1)});
    v.bytes = element;
    if (eat("[")) {
      v.bytes *= static_cast<u64>(integer());
      need("]");
    }
    list.push_back(std::move(v));
  }
  return list;
}

void Parser::function(bool entry) {
  auto f = std::make_unique<Function>();
  f->entry = entry;
  if (!entry && peek().text == "(") { f->results = parameter_list(); }
  f->name = word();
  if (peek().text == "(") { f->parameters = parameter_list(); }
  while (!ended() && peek().text != "{" && peek().text != ";") {
    std::string const directive = word();
    if (directive == ".maxntid" || directive == ".reqntid") {
      s64 threads = integer();
      while (eat(",")) { threads *= integer(); }
      f->max_threads = static_cast<u32>(threads);
    }
  }
  if (!eat(";")) {
    f->defined = true;
    function_ = f.get();
    body();
    function_ = nullptr;
  }
  auto& slot = module_->functions[f->name];
  if (!slot || f->defined) { slot = std::move(f); }
}

int Parser::location() {
  Location at;
  at.file = static_cast<int>(integer());
  at.line = static_cast<int>(integer());
  integer();  // the column
  // , function_name $L__info_string3, inlined_at 1 30 3
  while (!ended() && !peek().first_of_line) {
    if (word() == "inlined_at") {
      Location caller;
      caller.file = static_cast<int>(integer());
      caller.line = static_cast<int>(integer());
      module_->locations.push_back(caller);
      at.inlined_at = static_cast<int>(module_->locations.size()) - 1;
    }
  }
  if (at.line == 0) { return location_; }  // "no line": the one before stays the best there is
  module_->locations.push_back(at);
  return static_cast<int>(module_->locations.size()) - 1;
}

std::unique_ptr<Module> Parser::run() {
  module_ = std::make_unique<Module>();
  while (!ended()) {
    std::string const directive = word();
    if (directive == ".target") {
      module_->target = word();
      skip_line();
    } else if (directive == ".file") {
      int const number = static_cast<int>(integer());
      std::string const quoted = word();
      module_->files[number] = quoted.substr(1, quoted.size() - 2);
      skip_line();
    } else if (directive == ".version" || directive == ".address_size") {
      skip_line();
    } else if (directive == ".section") {
      word();
      skip_braces();
    } else if (directive == ".visible" || directive == ".extern" || directive == ".weak" ||
               directive == ".common") {
      continue;
    } else if (directive == ".pragma") {
      while (!eat(";")) { word(); }
    } else if (directive == ".entry" || directive == ".func") {
      function(directive == ".entry");
    } else if (directive == ".global" || directive == ".const" || directive == ".shared") {
      Space const space = directive == ".global"  ? Space::global
                          : directive == ".const" ? Space::constant
                                                  : Space::shared;
      for (Variable& v : variables(space)) { module_->variables.push_back(std::move(v)); }
      need(";");
    } else {
      fail("'" + directive + "' is not supported by the emulator");
    }
  }
  return std::move(module_);
}

std::unique_ptr<Module> parse(std::string const& text) { return Parser(text).run(); }

}  // namespace emulator::ptx
