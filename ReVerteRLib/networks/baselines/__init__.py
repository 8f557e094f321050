"""The networks ReVerteR is compared with: one file each, from their published descriptions. All of them need torch."""
