"""The networks: ReVerteR's generator, its parts, and the discriminator. All modules here need torch."""
