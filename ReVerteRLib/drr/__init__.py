"""Digitally reconstructed radiographs: attenuation, projectors, realism and the simulator. Imports torch."""

from __future__ import annotations

from ReVerteRLib.drr.attenuation import MONO_70_KEV, POLY_90_KVP, AttenuationModel, EnergyBin
from ReVerteRLib.drr.projector import project, project_views
from ReVerteRLib.drr.realism import MetalRod, Realism, apply_realism
from ReVerteRLib.drr.simulator import project_labels, projections_for, simulate, simulate_pair, simulate_views

__all__ = [
    "MONO_70_KEV",
    "POLY_90_KVP",
    "AttenuationModel",
    "EnergyBin",
    "MetalRod",
    "Realism",
    "apply_realism",
    "project",
    "project_labels",
    "project_views",
    "projections_for",
    "simulate",
    "simulate_pair",
    "simulate_views",
]
