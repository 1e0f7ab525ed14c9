"""
A stream processor of OpenMSIStream that fails files whose names begin with "bad", run as its users run theirs:

    python openmsistream_processor.py --config lab.config --topic_name T --consumer_group_id G --output_dir DIR ...
"""

from openmsistream import DataFileStreamProcessor


class Steered(DataFileStreamProcessor):
    def _process_downloaded_data_file(self, datafile, lock):
        if datafile.filename.startswith("bad"):
            return ValueError("told to fail")
        return None

    @classmethod
    def run_from_command_line(cls, args=None):
        parsed = cls.get_argument_parser().parse_args(args=args)
        init_args, init_kwargs = cls.get_init_args_kwargs(parsed)
        processor = cls(*init_args, **init_kwargs)
        processor.process_files_as_read()
        processor.close()


if __name__ == "__main__":
    Steered.run_from_command_line()
