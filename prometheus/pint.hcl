# How pint reads our rules: every offline check, and what is excepted from which, with the reason.
# tests/config/test_pint.py runs it; a finding of any severity is a red test.

# A dead man's switch fires always: that is its purpose.
rule {
  match {
    name = "Watchdog"
  }
  disable = ["alerts/comparison"]
}

# absent() is the condition: pint sees it only where it is not inside label_replace().
rule {
  match {
    name = "ExporterMetricsAbsent"
  }
  disable = ["alerts/comparison"]
}

# Each promise has a group, and all record the same names with a label `slo` of their own. pint compares names: it takes
# the other promises' series for something that is read across groups.
rule {
  match {
    path = "rules/generated/slo.rules.yml"
  }
  disable = ["rule/dependency"]
}
