"""Made-up results of `jetcal validate`, with every section of validation.json."""

import math

PT = [[200, 400], [400, 800], [800, 1600]]
ETA = [[0, 0.8], [0.8, 1.6]]
MASS = [[40, 80], [80, 160]]


def row(variable, sample, calibration, mode, error=0.004, **more):
    """A bin with its response; None: too few jets for one."""
    width = None if mode is None else 0.1 + 0.5 * abs(mode - 1)
    return {"variable": variable, "sample": sample, "calibration": calibration, **more,
            "jets": 1000 if mode is not None else 3, "effective_entries": 1000.0, "mode": mode,
            "mode_error": None if mode is None else error, "iqr68_over_mode": width,
            "iqr68_over_mode_error": None if mode is None else 0.003, "method": "gaussian_fit",
            "underflow": 2, "overflow": 1, "not_finite": 0, "iqr68_over_mode_ratio": 0.9}


def closure_bin(pt, eta, mode, calibration="none", variable="energy", sample="dijets", **more):
    return row(variable, sample, calibration, mode, pt_true=list(pt), abs_eta_true=list(eta),
               **more)


def response_of(calibration, k):
    """A response that varies from bin to bin; the uncalibrated one is far from 1."""
    return (0.88 if calibration == "none" else 0.995) + 0.01 * math.sin(1 + k)


def histogram(low, high, centre, width, bins=60):
    edges = [low + (high - low) * (i + 0.5) / bins for i in range(bins)]
    content = [1000 * math.exp(-0.5 * ((x - centre) / width) ** 2) for x in edges]
    return {"low": low, "high": high, "content": content, "squared_errors": content,
            "underflow": 5.0, "overflow": 12.0}


def summaries(samples, calibrations, groups=("",)):
    out = []
    for sample in samples:
        for group in groups:
            for variable in ("energy", "mass"):
                for c in calibrations:
                    entry = {"sample": sample, "variable": variable, "calibration": c, "bins": 6,
                             "jets": 6000, "bins_without_mode": 0, "bins_left_out": 1,
                             "within": [{"limit": limit, "bins": 0.5, "bins_with_errors": 0.75,
                                         "jets": 0.625} for limit in (0.01, 0.015, 0.05)],
                             "iqr68_over_mode_ratio": 1.0 if c == "none" else 0.789,
                             "worst": [{"pt_true": PT[0], "abs_eta_true": ETA[1], "jets": 1234,
                                        "mode": 0.876, "mode_error": 0.002}]}
                    if group:
                        entry["group"] = group
                    out.append(entry)
    return out


def table(name, axes, samples, calibrations, groups=("",), compare=False):
    """`axes`: [(quantity, bins)]."""
    cells = [[]]
    for quantity, bins in axes:
        cells = [c + [(quantity, b)] for c in cells for b in bins]
    rows, comparisons = [], []
    for sample in samples:
        for group in groups:
            of = {"group": group} if group else {}
            for k, cell in enumerate(cells):
                for variable in ("energy", "mass"):
                    for c in calibrations:
                        # The last bin is empty: pictures show it as empty.
                        mode = None if k == len(cells) - 1 else response_of(c, k)
                        rows.append(row(variable, sample, c, mode, **dict(cell), **of))
                    if compare and len(calibrations) > 2:
                        comparisons.append({
                            "variable": variable, "sample": sample, "first": calibrations[1],
                            "second": calibrations[2], **dict(cell), "jets": 1000,
                            "mode_difference": 0.003, "mode_difference_error": 0.001,
                            "iqr68_over_mode_ratio": 0.95, "iqr68_over_mode_ratio_error": 0.01})
    counts = [{"sample": s, **({"group": g} if g else {}), "jets": 7777, "in_bins": 7000,
               "below_mass_cut": 5, "not_finite": 1,
               "outside": {q: {"below": 11, "above": 22} for q, _ in axes}}
              for s in samples for g in groups]
    return {"name": name, "axes": [{"quantity": q, "unit": "1", "edges": []} for q, _ in axes],
            "groups": [{"name": g} for g in groups if g], "counts": counts, "rows": rows,
            "summary": summaries(samples, calibrations, groups), "comparisons": comparisons,
            "comparison_summary": [
                {"sample": s, "variable": "mass", "first": calibrations[1],
                 "second": calibrations[2], "bins": 17, "closer": 13, "narrower": 16,
                 "surely_narrower": 11, "iqr68_over_mode_ratio": 0.9123,
                 "iqr68_over_mode_ratio_error": 0.0012} for s in samples]
            if compare and len(calibrations) > 2 else []}


def epoch(step, bins):
    side = {"loss_energy": -1.0 - step, "loss_mass": -0.5, "kept_energy": 1.0, "kept_mass": 0.9}
    return {"step": step, "epoch": 1, "updates": 9, "train": side, "validation": side, "bins": [
        {"pt_true": pt, "abs_eta_true": eta, "mass_true": [None, None],
         "train": {"jets": 10, **side}, "validation": {"jets": 5, **side}}
        for pt in PT for eta in ETA] if bins else []}


def network_tests(network, samples):
    """What only a network has: widths, importance, a training."""
    both = [(v, s) for s in samples for v in ("energy", "mass")]
    widths = {"axes": [{"quantity": "pt_true"}, {"quantity": "abs_eta_true"}], "rows": [
        {"variable": v, "sample": s, "calibration": network, "pt_true": pt, "abs_eta_true": eta,
         "jets": 900, "predicted_iqr68": 0.11, "found_iqr68": 0.1, "found_iqr68_error": 0.002,
         "predicted_over_found": 1.1, "pull_mode": -0.02, "pull_mode_error": 0.03,
         "pull_width": 0.97, "pull_width_error": 0.02}
        for v, s in both for pt in PT for eta in ETA],
        "pulls": [{"variable": v, "sample": s, "calibration": network, "without_prediction": 0,
                   "histogram": histogram(-5, 5, 0, 1)} for v, s in both]}
    importance = [
        {"calibration": network, "variable": v, "feature": f, "standard_deviation": 0.4,
         "shift_change": 10.0 ** -(2 + k), "shift_change_error": 1e-6, "permuted_change": 0.1,
         "permuted_iqr68_ratio": 1.2 - 0.1 * k, "gradients": [
             {"pt_true": pt, "mass_true": m, "jets": 40, "mean": 0.01, "mean_error": 0.001,
              "magnitude": None if pt == PT[2] else 0.02 / (1 + k)} for pt in PT for m in MASS]}
        for k, f in enumerate(("log_energy", "eta", "C2")) for v in ("energy", "mass")]
    training = [{"calibration": network, "epochs": [epoch(s, True) for s in (1, 1, 2)]}]
    return {"widths": widths, "importance": importance, "training": training}


def results(samples=("dijets", "wz"), calibrations=("none", "/a/standard.h5", "/b/run/model.h5")):
    samples, calibrations = list(samples), list(calibrations)
    axes = [("pt_true", PT), ("abs_eta_true", ETA)]
    closure = table("closure", axes, samples, calibrations, compare=True)
    groups = ["QCD", "W/Z"]
    both = [(v, s, c) for v in ("energy", "mass") for s in samples for c in calibrations]
    pileup = [{"against": a, "variable": v, "sample": s, "calibration": c, "energy_true": e,
               "abs_eta_true": eta, "jets": 500, "points": 5, "slope": 0.0007, "chi2_per_ndf": 1.1,
               "slope_error": 0.0002} for a in ("npv", "mu") for v, s, c in both
              for e in (None, [300, 600], [600, 1200]) for eta in ETA]
    network = calibrations[-1] if len(calibrations) > 1 else None
    return {
        "settings": {"min_jets": 500, "mass_true_min": 40, "errors_allowed": 2,
                     "tests": ["slices", "topologies", "flavours", "pileup", "spectrum", "samples",
                               "widths", "importance"], "importance": {"shift": 0.01}},
        "calibrations": calibrations, "warnings": ["two samples differ <much>"],
        "samples": [{"sample": s, "files": ["jets_*.h5"], "side": "held-out", "jets": 7777,
                     "effective_entries": 7700.5, "outside_bins": 33, "below_mass_cut": 44,
                     "not_finite": 1, "not_calibrated": 2} for s in samples],
        "summary": closure["summary"], "bins": closure["rows"],
        "tables": [
            closure,
            table("eta", [("eta_true", [[-1, 0], [0, 1]]), ("pt_true", PT)], samples, calibrations,
                  compare=True),
            table("deep", [("mass_true", MASS), ("pt_true", PT[:2]), ("abs_eta_true", ETA),
                           ("energy_true", [[200, 900], [900, 2000]])], samples[:1], calibrations),
            table("topologies", axes[:1], samples, calibrations, groups),
            table("flavours", [("energy_true", PT)], samples, calibrations,
                  ["light quark", "gluon"]),
            table("pileup_npv", [("npv", [[0, 20], [20, 40]]), ("energy_true", PT[:2]),
                                 ("abs_eta_true", ETA)], samples, calibrations),
            table("spectrum", axes[:1], samples, calibrations, ["as simulated", "flat in energy"])],
        "sample_differences": [
            {"variable": v, "calibration": c, "first": samples[0], "second": samples[-1],
             "pt_true": pt, "abs_eta_true": eta, "mode_difference": 0.002,
             "mode_difference_error": 0.001} for v in ("energy", "mass") for c in calibrations
            for pt in PT for eta in ETA] if len(samples) > 1 else [],
        "distributions": [
            {"variable": v, "sample": s, "group": g, "calibration": c, "jets": 1000 + 9 * (s == g),
             "not_finite": 0, "histogram": histogram(0.4, 1.6, response_of(c, 0), 0.07)}
            for v, s, c in both for g in groups],
        "spectra": [{"sample": s, "group": g, "histogram": histogram(5, 8, 6, 1)} for s in samples
                    for g in ("as simulated", "flat in energy")],
        "pileup": pileup,
        "estimator_bias": [{"density": "split <Gaussian>", "mode": 1.0, "method": "gaussian_fit",
                            "fitted_minus_mode": -0.0364, "half_sample_minus_mode": -0.0005}],
        "skipped": [{"test": "flavours", "sample": samples[-1], "why": "has no field 'flavour'"}],
        "resources": {"column_bytes_in_memory": 4194304, "column_bytes_in_file": 0,
                      "peak_memory_bytes": 80 * 2**20, "seconds_reading": 1.75,
                      "seconds_measuring": 4.25},
        **(network_tests(network, samples) if network else
           {"widths": {"axes": [], "rows": [], "pulls": []}, "importance": [], "training": []})}
