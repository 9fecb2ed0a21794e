#!/usr/bin/python3
"""benchmarks/cuda/predict: the formulas against the emulator's own counts, bounds against numbers made by hand, and the
counters of small training steps against benchmarks/cuda/baseline.json."""

import math
import os
import pathlib
import sys
from dataclasses import replace

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
sys.path.insert(0, str(ROOT / "benchmarks/cuda"))
import baseline
import bounds
import names
import report
import resources
import scaling
from cards import CARDS, H100
from e2e import Skip, check, main


def build():
    return pathlib.Path(os.environ["JETCAL_BUILD"])


def step_of(counters, **about):
    """A step of one launch with these counters."""
    facts = {"rows": 10, "precision": "fp32", "optimizer": "radam", "trained_parameters": 0, "layers": []}
    return scaling.Step(facts | about, [scaling.Launch("kernel", "symbol", counters)])


def share_off(got, want, keys):
    """The sum of all differences of these counters, as a share of their sum."""
    off = sum(
        abs(a.get(key) - b.get(key)) for a, b in zip(got.launches, want.launches, strict=True) for key in keys
    )
    return off / want.total(*keys)


SECTORS = [f"{name}.transactions" for name in bounds.GLOBAL] + [f"{name}.least_transactions" for name in bounds.GLOBAL]


def test_the_formulas_are_exact(_):
    """At sizes of other tiles and warps than those they were made from."""
    formula = scaling.Formula(build(), network="small")
    # Its threads part where a lane of the batch ends: exact while a lane has no more rows than a block has threads.
    parting = "row_sums_kernel"
    for rows in (1280, 1432, 2305):
        got, want = formula.at(rows), scaling.run(build(), rows, network="small")
        for a, b in zip(got.launches, want.launches, strict=True):
            keys = (a.of.keys() | b.of.keys()) - set(SECTORS)
            wrong = {key: (a.get(key), b.get(key)) for key in keys if a.get(key) != b.get(key)}
            if parting in a.kernel and rows > 8 * 256:
                one_percent = 0.01 * b.get("warp_instructions") * 32
                wrong = {key: pair for key, pair in wrong.items() if not abs(pair[0] - pair[1]) <= one_percent}
            check(a.kernel == b.kernel and not wrong, f"{rows} rows, {a.kernel}: predicted, counted {wrong}")
        # Arrays of one number a row begin anywhere within a sector.
        check(share_off(got, want, SECTORS) < 0.002, f"{rows} rows: sectors {share_off(got, want, SECTORS)}")


def test_the_formulas_on_grids_too_small_for_all(_):
    """What happens to the largest batches: blocks take several pieces of work."""
    formula = scaling.Formula(build(), network="small")
    for rows, blocks in ((1280, 60), (2305, 100)):
        got, want = formula.at(rows, blocks), scaling.run(build(), rows, blocks, network="small")
        check(any(a.get("blocks") == blocks for a in got.launches), "some grid is too small")
        for a, b in zip(got.launches, want.launches, strict=True):
            for key in ("blocks", "launches", "distinct_bytes_read", "distinct_bytes_written"):
                check(a.get(key) == b.get(key), f"{a.kernel}: {key} {a.get(key)}, counted {b.get(key)}")
            off = abs(a.get("warp_instructions") / b.get("warp_instructions") - 1)
            check(off <= scaling.CAPPED_BOUND, f"{rows} rows, {blocks} blocks, {a.kernel}: {off:.4f} off")
        off = share_off(got, want, ["warp_instructions"])
        check(off <= 0.002, f"{rows} rows, {blocks} blocks: {off:.5f} of the instructions off")


def test_a_formula_says_where_it_ends(_):
    formula = scaling.Formula(build(), network="small", lanes=1)
    check(formula.least_rows == scaling.PERIOD, "one lane is in use from the first row on")
    try:
        formula.at(scaling.PERIOD - 1)
    except ValueError as error:
        check("must be at least 256" in str(error), str(error))
    else:
        check(False, "fewer rows than the formula is for")


def test_the_least_bytes_are_counted_by_hand(_):
    # 3 -> 5 with Mish, its input needs a gradient, 10 rows. Forward reads 3, writes 5 and 5 slopes; backward reads the
    # gradient 5, the slopes 5, the input 3, writes 3. Weights 15 + 5 bias read, 15 read again, 15 + 5 written.
    dense = {"kind": "mish", "inputs": 3, "outputs": 5, "train": True, "input_gradient": True}
    a_row, parameters = 13 + 16, 20 + 15 + 20
    check(bounds.least_bytes(step_of({}, layers=[dense])) == 4 * (10 * a_row + parameters), "a layer")
    # bf16: what a row holds takes two bytes
    got = bounds.least_bytes(step_of({}, layers=[dense], precision="bf16"))
    check(got == 2 * 10 * a_row + 4 * parameters, "a layer in bf16")
    # RAdam reads and writes parameter and two moments, and reads the gradient
    check(bounds.least_bytes(step_of({}, trained_parameters=7)) == 4 * 7 * 7, "the optimizer")
    frozen = dense | {"train": False, "input_gradient": False}
    check(bounds.least_bytes(step_of({}, layers=[frozen])) == 4 * (10 * (3 + 5) + 20), "a frozen layer")
    check(bounds.flops_a_row(dense) == 3 * 2 * 15 and bounds.flops_a_row(frozen) == 2 * 15, "its products")


def test_times_are_counted_by_hand(_):
    card = replace(H100, sms=10, clock_ghz=1.0, memory_tb_s=1.0, tf32_tflops=1, bf16_tflops=2)
    launch = scaling.Launch("kernel", "symbol", {
        "warp_instructions": 40_000, "distinct_bytes_read": 600_000, "distinct_bytes_written": 400_000,
        "fma.warp_instructions": 10_000, "arithmetic.warp_instructions": 10_000, "special.warp_instructions": 500,
        "load_shared.transactions": 2_000, "store_shared.transactions": 1_000, "load_matrix.transactions": 1_000,
        "mma.warp_instructions": 1_000,
    })
    want = {"memory": 1e-6, "issue": 1e-6, "fp32": 5e-7, "special": 1e-7, "tensor": 0, "shared": 4e-7}
    for precision, tensor in (("fp32", 0), ("tf32", 2048e3 / 1e12), ("bf16", 4096e3 / 2e12)):
        got = bounds.times(launch, card, precision)
        for limit, seconds in (want | {"tensor": tensor}).items():
            check(math.isclose(got[limit], seconds, abs_tol=1e-15), f"{precision} {limit}: {got[limit]}")
    check(math.isclose(bounds.times(launch, replace(card, capability=80), "fp32")["fp32"], 1e-6), "64 lanes on 8.0")
    two = scaling.Step({"precision": "fp32"}, [launch, launch])
    check(math.isclose(bounds.step_bound(two, card), 2e-6), "launches one after the other")


def test_cards_agree_with_themselves(_):
    """fp32: two operations a lane and clock."""
    for card in CARDS:
        lanes = {80: 64}.get(card.capability, 128)
        flops = 2e-3 * card.sms * lanes * card.clock_ghz
        check(abs(flops / card.fp32_tflops - 1) < 0.01, f"{card.name}: {flops:.1f} of {card.fp32_tflops} TFLOP/s")


def test_registers_and_occupancy(_):
    said = """ptxas info    : Compiling entry function 'one' for 'sm_90'
    0 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 120 registers, used 1 barriers, 24576 bytes smem
ptxas info    : Compiling entry function 'two' for 'sm_90'
ptxas info    : Used 12 registers, used 0 barriers
"""
    want = {"one": resources.Resources(120, 24576, 12), "two": resources.Resources(12, 0, 0)}
    check(resources.parsed(said) == want, str(resources.parsed(said)))
    # 120 registers: 2 blocks of 256 threads in 65,536; 40,000 bytes of shared memory a block: 4, 2 and 5 blocks
    kernels = ((256, 120, 0), (256, 32, 40_000), (1024, 64, 0))
    for capability, want in ((80, (0.25, 0.5, 0.5)), (86, (1 / 3, 1 / 3, 2 / 3)), (90, (0.25, 5 / 8, 0.5)),
                             (100, (0.25, 5 / 8, 0.5)), (120, (1 / 3, 1 / 3, 2 / 3))):
        got = resources.occupancy(build(), capability, kernels)
        check(all(abs(a - b) < 1e-3 for a, b in zip(got, want, strict=True)), f"sm_{capability}: {got}")


def test_ptxas_knows_every_kernel(_):
    found = resources.assemble(build() / "lib/libjetcal_cuda.so", 80)
    if not found:
        raise Skip("there is no ptxas here")
    for launch in scaling.run(build(), 70, network="small").launches:
        check(launch.symbol in found, f"{launch.symbol} is not in the library")
        check(found[launch.symbol].registers > 0, f"{launch.symbol} takes no registers")


def test_no_card_spills_registers(_):
    for capability in resources.CAPABILITIES:
        for symbol, found in resources.assemble(build() / "lib/libjetcal_cuda.so", capability).items():
            check(found.spills == 0, f"{symbol} on {capability}: {found.spills} bytes")


def test_names_say_the_file(_):
    launch = scaling.Launch("void jetcal::cuda::sum_kernel<8, jetcal::Mat>(float*)",
                            "_ZN6jetcal4cuda41_GLOBAL__N__27d2a3c4_9_reduce_cu_0b1e3a5410sum_kernelIfEEvv", {})
    check(names.short(launch) == "reduce: sum_kernel<8, Mat>", names.short(launch))


def test_a_counter_that_grows_fails(_):
    before = {"fp32": {"all kernels": {"instructions": 1000, "bank_conflicts": 0}}}

    def outcome(instructions, conflicts):
        now = {"fp32": {"all kernels": {"instructions": instructions, "bank_conflicts": conflicts}}}
        grown, shrunk = baseline.compare(now, before)
        return len(grown), len(shrunk)

    check(outcome(1020, 0) == (0, 0) and outcome(980, 0) == (0, 0), "two percent are let through")
    check(outcome(1021, 0) == (1, 0) and outcome(979, 0) == (0, 1), "more is not")
    check(outcome(1000, 1) == (1, 0), "nothing that was none")
    check(baseline.compare({"tf32": before["fp32"]}, before)[0] == ["tf32: not in the baseline"], "a new step")


def test_the_baseline(_):
    check(baseline.check(build(), write=False) == 0, "see above")


def test_inner_loops_are_products_and_their_operands(_):
    loops = scaling.loops(build())
    check(len(loops) == 8, f"four kernels in two precisions, found {sorted(loops)}")
    for name, share in loops.items():
        check(report.is_dense(name), name)
        check(report.LEAST_OF_LOOP <= share < 1, f"{name}: {share:.1%} of the inner loop")


def test_dense_kernels_never_meet_in_a_bank(_):
    seen = set()
    for precision in report.PRECISIONS:
        for launch in scaling.run(build(), 130, network="small", precision=precision).launches:
            if report.is_dense(names.short(launch)):
                seen.add(names.short(launch))
                check(launch.get("bank_conflicts") == 0, f"{names.short(launch)}: {launch.get('bank_conflicts')}")
    check(len(seen) == 3 * 4, f"four kernels in three precisions, found {sorted(seen)}")


def test_bytes_of_a_jet_are_near_the_least(_):
    """Bytes that are touched grow by the same number with every jet."""
    for precision in report.PRECISIONS:
        less, more = (scaling.run(build(), rows, precision=precision) for rows in (130, 190))
        moved, least = (
            sum(map(bounds.memory_bytes, more.launches)) - sum(map(bounds.memory_bytes, less.launches)),
            bounds.least_bytes(more) - bounds.least_bytes(less),
        )
        check(0.9 * least < moved <= report.MOST_BYTES * least, f"{precision}: {moved / least:.3f} times the least")


def test_the_page_has_the_cards(_):
    page = (ROOT / "docs/cuda-performance.md").read_text()
    check(report.cards() in page, "run benchmarks/cuda/predict document")


if __name__ == "__main__":
    os.environ.setdefault("JETCAL_BUILD", str(ROOT / "build"))
    main(globals())
