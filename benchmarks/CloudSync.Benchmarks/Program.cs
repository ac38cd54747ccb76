using BenchmarkDotNet.Running;
using CloudSync.Benchmarks;

if (args is ["--memory", ..])
    IdempotencyMemory.Run(args[1..]);
else
    BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
