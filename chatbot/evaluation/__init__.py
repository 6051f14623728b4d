"""Measures how good the answers are: sets of questions go through the product as users' do, and figures come out."""
