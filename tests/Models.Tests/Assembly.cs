// libtorch counts live tensors for the whole process: tests that compare counts must run alone.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
