import '../dist/bundle/main.js'
