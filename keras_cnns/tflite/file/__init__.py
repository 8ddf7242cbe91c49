"""The `.tflite` file: conversion, flatbuffer, repairs, versions, metadata."""
