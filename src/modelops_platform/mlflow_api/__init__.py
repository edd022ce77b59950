"""The MLflow REST protocol: wire shapes in, our services called, wire shapes out."""
